/* The plugin in the files beside this one, each made by
 *     python -m ziglang cc -target <target> -shared -nostdlib -O1 -s plugin.c
 * with zig 0.17 for arm-linux-gnueabihf, aarch64-linux-gnu, x86-windows-gnu, x86_64-windows-gnu and x86_64-macos.
 * Its texts do not end where their lengths say, as those of Rust do not. */

typedef __SIZE_TYPE__ usize;
#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
int DllMainCRTStartup(void *a, unsigned b, void *c) { return 1; }
#else
#define EXPORT __attribute__((visibility("default")))
#endif
static int create(void) { return 0; }
struct descriptor { int version; unsigned char accepts; const void *in, *out; const char *name; usize nl; const char *ver; usize vl; const char *about; usize al; void *help, *list; int (*create)(void); };
static const int layout = 7;
EXPORT const struct descriptor MEMFLOW_CONNECTOR_REAL = { 1, 1, &layout, &layout, "realXX", 4, "1.2.3YY", 5, "a real one", 10, 0, 0, create };
EXPORT const struct descriptor MEMFLOW_OS_REAL = { 1, 0, &layout, &layout, "real", 4, "1.2.3", 5, "", 0, 0, 0, create };
