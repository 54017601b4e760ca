//! The suite of who keeps an organisation, and of what is left of one that was removed.

use wharf_core::{Kind, Role, UserName, gate::OrganisationId};

use super::{
    NOW, record,
    tenancy::{account, id_of, name, token, user},
};
use crate::port::{Accounts, Claim, Fate, Machines, NewOrganisation, Tenancy, Users};

/// The suite of what several ports must keep together.
pub async fn belonging<S: Accounts + Tenancy + Users + Machines>(store: &S) {
    let owner = user(store, "bel-owner", false).await;
    user(store, "bel-second", false).await;
    let new = |claim| NewOrganisation { name: name("bel-acme"), admin: Some(account(&owner)), claim };
    store.create_organisation(new(Claim::Free), record()).await.unwrap();
    let id = id_of(store, &owner, "bel-acme").await;
    an_admin_is_a_user_who_can_log_in(store, id).await;

    let robot = name("bel-acme+ci");
    let made = store.create_robot(id, name("bel-acme+ci"), Role::Writer, record()).await.unwrap();
    assert_eq!(
        store.robot(id, &robot).await.unwrap(),
        Some(made.clone()),
        "what is made is told as it is kept"
    );
    store.add_token(token(made.account, 70, made.version), record()).await.unwrap();
    store.remove_organisation(id, record()).await.unwrap();
    store.create_organisation(new(Claim::Any), record()).await.unwrap();
    let anew = store.create_robot(id, robot, Role::Writer, record()).await.unwrap();
    assert!(anew.version > made.version);
    let left = store.tokens(anew.account, NOW).await.unwrap();
    assert_eq!(left, [], "the tokens of a robot end with its organisation");
}

async fn an_admin_is_a_user_who_can_log_in<S: Tenancy + Users + Machines>(store: &S, id: OrganisationId) {
    let (owner, second): (UserName, UserName) = (name("bel-owner"), name("bel-second"));
    store.create_robot(id, name("bel-acme+boss"), Role::Admin, record()).await.unwrap();
    assert!(store.set_member(id, second.clone(), Role::Admin, record()).await.unwrap());
    assert!(store.decide_fate(second.clone(), Fate::Disabled, record()).await.unwrap());
    let refused = store.remove_member(id, owner.clone(), record()).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Conflict, "neither a robot nor who cannot log in is left as the admin");
    assert!(store.decide_fate(second.clone(), Fate::Enabled, record()).await.unwrap());
    assert!(store.set_member(id, owner.clone(), Role::Writer, record()).await.unwrap());
    assert!(store.set_member(id, owner, Role::Admin, record()).await.unwrap());
    assert!(store.decide_fate(second.clone(), Fate::Disabled, record()).await.unwrap());
    assert!(store.remove_member(id, second, record()).await.unwrap(), "who cannot log in is not needed");
}
