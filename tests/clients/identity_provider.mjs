// An OpenID provider for the tests: oidc-provider with people whom a test enrols, changes and lets go. Told how it is to
// be by JSON as its only argument: `modules`, where the packages lie; `port`; `clients`, as that library knows them.
//
// Beside the provider's own paths there is one for the tests: PUT /people/{login} with `password` and `groups`.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const told = JSON.parse(process.argv[2]);
const library = join(told.modules, 'node_modules', 'oidc-provider', 'lib', 'index.js');
const { default: Provider, errors } = await import(pathToFileURL(library));

const people = new Map();
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

// Who somebody is. The id never changes, whatever he is called.
async function findAccount(_, id) {
  const person = people.get(id);
  if (!person) return undefined;
  const claims = () => ({ sub: `id-of-${id}`, preferred_username: person.name ?? id, groups: person.groups });
  return { accountId: id, claims };
}

const provider = new Provider(`http://127.0.0.1:${told.port}`, {
  clients: told.clients,
  findAccount,
  claims: { openid: ['sub'], profile: ['preferred_username'], groups: ['groups'] },
  cookies: { keys: ['a key for the tests'] },
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', kid: 'key-1' }] },
  pkce: { required: () => true },
});

// It has no password grant of its own any more, which others still have.
provider.registerGrantType('password', async (ctx, next) => {
  const { username, password, scope } = ctx.oidc.params;
  if (!people.has(username) || people.get(username).password !== password) {
    throw new errors.InvalidGrant('wrong login or password');
  }
  const { client } = ctx.oidc;
  const account = await findAccount(ctx, username);
  const grant = new provider.Grant({ accountId: username, clientId: client.clientId });
  grant.addOIDCScope(scope);
  const access = new provider.AccessToken({
    accountId: username, client, grantId: await grant.save(), gty: 'password', scope,
  });
  const accessToken = await access.save();
  const identity = new provider.IdToken(await account.claims(), { ctx });
  identity.scope = 'openid';
  identity.set('at_hash', accessToken);
  ctx.body = {
    access_token: accessToken, token_type: access.tokenType, expires_in: access.expiration, scope,
    id_token: await identity.issue({ use: 'idtoken' }),
  };
  await next();
}, ['username', 'password', 'scope'], []);

async function enrol(request, response) {
  let text = '';
  for await (const piece of request) text += piece;
  people.set(decodeURIComponent(request.url.slice('/people/'.length)), JSON.parse(text));
  response.writeHead(204).end();
}

const answer = provider.callback();
const server = createServer((request, response) => (
  request.method === 'PUT' && request.url.startsWith('/people/') ? enrol(request, response) : answer(request, response)
));
server.listen(told.port, '127.0.0.1');
