//! How somebody belongs to an organisation: by what an admin or an invitation said, or by a provider's groups. Groups take
//! back what they gave and nothing else. A store reads how it stands and writes what it comes to; the rules stand here.

use wharf_core::Role;

/// How somebody belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// By hand.
    ByHand(Role),
    /// By groups.
    ByGroups {
        /// The role that they give.
        role: Role,
        /// The one that was given by hand and stays when they give none.
        beneath: Option<Role>,
    },
}

impl Membership {
    /// The role.
    pub const fn role(self) -> Role {
        match self {
            Self::ByHand(role) | Self::ByGroups { role, .. } => role,
        }
    }

    /// What an invitation makes of it. It takes nothing away, and lies beneath what groups give that is as much.
    #[must_use]
    pub fn invited(before: Option<Self>, to: Role) -> Self {
        match before {
            Some(Self::ByGroups { role, beneath }) if role >= to => {
                Self::ByGroups { role, beneath: Some(beneath.map_or(to, |beneath| beneath.max(to))) }
            }
            Some(before) => Self::ByHand(before.role().max(to)),
            None => Self::ByHand(to),
        }
    }

    /// What groups make of it that give a role; nothing where it stays. They change nothing that stands by hand.
    pub fn grouped(before: Option<Self>, to: Role) -> Option<Self> {
        let beneath = match before {
            Some(Self::ByHand(_)) => return None,
            Some(Self::ByGroups { beneath, .. }) => beneath,
            None => None,
        };
        let after = Self::ByGroups { role: beneath.map_or(to, |beneath| beneath.max(to)), beneath };
        (before != Some(after)).then_some(after)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Membership::{ByGroups, ByHand},
        *,
    };

    #[test]
    fn an_invitation_takes_nothing_away() {
        let given = |role, beneath| ByGroups { role, beneath };
        for (before, to, after) in [
            (None, Role::Writer, ByHand(Role::Writer)),
            (Some(ByHand(Role::Admin)), Role::Viewer, ByHand(Role::Admin)),
            (Some(given(Role::Viewer, None)), Role::Writer, ByHand(Role::Writer)),
            (Some(given(Role::Admin, None)), Role::Writer, given(Role::Admin, Some(Role::Writer))),
            (
                Some(given(Role::Admin, Some(Role::Writer))),
                Role::Viewer,
                given(Role::Admin, Some(Role::Writer)),
            ),
        ] {
            assert_eq!(Membership::invited(before, to), after, "{before:?} and {to}");
        }
    }

    #[test]
    fn groups_give_no_less_than_what_lies_beneath_and_nothing_beside_a_hand() {
        let given = |role, beneath| ByGroups { role, beneath };
        for (before, to, after) in [
            (None, Role::Writer, Some(given(Role::Writer, None))),
            (Some(ByHand(Role::Viewer)), Role::Admin, None),
            (Some(given(Role::Writer, None)), Role::Writer, None),
            (Some(given(Role::Admin, None)), Role::Viewer, Some(given(Role::Viewer, None))),
            (
                Some(given(Role::Admin, Some(Role::Writer))),
                Role::Viewer,
                Some(given(Role::Writer, Some(Role::Writer))),
            ),
        ] {
            assert_eq!(Membership::grouped(before, to), after, "{before:?} and {to}");
        }
    }
}
