//! Do SQLite and PostgreSQL behave the same? One suite, run on each.
//!
//! PostgreSQL is the one that `LICTOR_TEST_POSTGRES_URL` names; `make test` starts it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of it is tests"
)]

mod account;
mod acme;
mod automations;
mod backup;
mod credentials;
mod device;
mod directory;
mod factors;
mod keys;
mod lists;
mod mail;
mod managed;
mod moved;
mod opening;
mod owners;
mod record;
mod sign_on;
mod stage;
mod teams;

use stage::{Place, Stage};

/// What one handle can show: in memory, in a file and in PostgreSQL.
macro_rules! on_one_handle {
    ($($group:ident: $name:ident),+ $(,)?) => {
        mod memory { $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$group::$name(super::Stage::at(super::Place::memory().await).await).await; })+ }
        mod file { $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$group::$name(super::Stage::at(super::Place::file().await).await).await; })+ }
        mod postgres { $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$group::$name(super::Stage::at(super::Place::postgres().await).await).await; })+ }
    };
}

/// What takes a second handle, which a database in memory cannot have.
macro_rules! on_several_handles {
    ($($group:ident: $name:ident),+ $(,)?) => {
        mod shared_file { $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$group::$name(super::Stage::at(super::Place::file().await).await).await; })+ }
        mod shared_postgres { $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$group::$name(super::Stage::at(super::Place::postgres().await).await).await; })+ }
    };
}

/// What begins before there is a store.
macro_rules! on_a_new_place {
    ($($group:ident: $name:ident),+ $(,)?) => {
        mod new_file { $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$group::$name(super::Place::file().await).await; })+ }
        mod new_postgres { $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$group::$name(super::Place::postgres().await).await; })+ }
    };
}

on_one_handle! {
    moved: a_change_of_somebody_is_read_without_everybody,
    moved: what_concerns_many_is_read_too,
    lists: principals_are_paged_by_name_and_searched,
    lists: keys_are_paged_searched_and_end_soon,
    lists: sessions_that_have_not_ended_are_paged,
    lists: the_record_is_counted_by_stretches,
    lists: grants_of_people_and_teams_are_one_list,
    lists: teams_and_their_members_are_paged_by_name,
    lists: the_record_is_paged_by_its_moments_and_by_whose_it_is,
    managed: an_admin_is_loaded_and_goes_with_the_principal,
    managed: a_change_is_made_only_while_the_right_to_it_holds,
    managed: a_role_is_changed_as_a_whole,
    managed: many_changes_are_made_as_a_whole_or_not_at_all,
    directory: what_is_added_is_loaded,
    directory: a_change_that_fails_leaves_nothing,
    directory: a_name_is_taken_once_and_its_successor_is_somebody_else,
    directory: a_role_in_use_cannot_be_removed,
    directory: an_unknown_role_is_refused_and_an_unknown_name_is_not_found,
    directory: a_built_in_role_can_be_neither_replaced_nor_removed,
    directory: no_name_of_a_workspace_means_everywhere,
    directory: every_change_moves_the_version_of_what_it_changes,
    opening: the_first_to_ask_chooses_a_setting,
    backup: what_was_taken_out_is_put_back_into_another_database,
    backup: what_is_there_is_replaced_only_when_told_so_and_what_was_revoked_stays_so,
    backup: a_damaged_or_newer_backup_changes_nothing,
    owners: the_last_owner_stays,
    owners: two_owners_who_remove_each_other_at_once_leave_one,
    owners: only_an_enabled_user_who_owns_everything_counts_as_an_owner,
    owners: an_owner_through_a_team_is_an_owner_and_the_last_one_stays,
    owners: what_a_sign_in_rule_gave_makes_no_last_owner,
    owners: owners_by_rule_alone_are_kept_from_an_administrator_and_not_from_their_provider,
    teams: a_team_its_members_and_its_grants_are_loaded,
    teams: members_and_grants_go_with_their_team_and_members_with_their_account,
    teams: a_team_is_made_once_and_twice_given_is_once_had,
    teams: what_names_nobody_nothing_or_no_team_changes_nothing,
    teams: every_change_of_a_team_moves_the_version_and_is_on_record,
    teams: a_role_that_a_team_has_cannot_be_removed,
    teams: rules_give_exactly_what_they_say_and_touch_no_other_source,
    teams: a_rule_that_names_what_is_gone_keeps_nothing_from_being_taken,
    teams: a_role_is_based_on_a_built_in_one_alone,
    credentials: a_revoked_key_stays_listed_and_is_found_by_its_end,
    credentials: sessions_end_with_their_principal,
    credentials: a_view_is_one_sessions_and_outlives_whom_it_shows,
    credentials: a_key_is_revoked_by_its_end_only_when_that_is_unambiguous,
    credentials: nothing_secret_prints,
    credentials: a_hash_is_improved_only_while_it_is_the_same,
    credentials: a_machine_has_no_password,
    credentials: another_password_ends_all_sessions_but_the_one_that_asks,
    credentials: idle_and_expired_sessions_are_deleted_and_a_touch_is_not_a_change,
    credentials: a_session_cannot_begin_for_someone_removed,
    keys: a_rotated_key_goes_on_beside_its_successor_until_the_overlap_ends,
    keys: a_key_is_rotated_once_and_only_while_it_is_in_use,
    keys: a_disabled_key_comes_back_and_a_revoked_one_does_not,
    keys: a_leaked_key_is_revoked_by_its_digest_alone_and_once,
    keys: no_key_grows_older_than_the_roles_of_its_owner_allow,
    keys: the_age_of_a_role_goes_with_the_role,
    keys: a_key_given_for_a_token_ends_has_no_successor_and_goes,
    device: a_program_gets_its_key_once_and_only_when_somebody_allowed_it,
    device: a_code_is_decided_once_and_only_while_it_lasts,
    device: whoever_asks_too_often_is_slowed_down,
    device: nobody_disabled_or_removed_hands_out_a_key,
    device: an_allowed_key_grows_no_older_than_a_role_allows,
    mail: an_address_set_by_hand_stays_whatever_a_provider_says,
    mail: a_notice_is_taken_by_one_and_sent_once,
    account: a_link_sets_a_password_once_and_ends_the_sessions,
    account: a_link_is_over_when_it_expires_when_another_is_made_and_when_a_password_is_set,
    account: a_link_of_somebody_disabled_removed_or_a_machine_does_nothing,
    account: a_ban_is_listed_until_it_ends_and_a_lifted_one_is_told_of_until_then,
    account: a_longer_ban_stays_and_an_administrators_is_not_replaced,
    account: a_ban_that_began_before_it_was_lifted_does_not_come_back,
    account: bans_are_on_record_with_their_author,
    record: the_record_is_listed_newest_first_and_never_changed,
    record: every_field_of_an_event_reads_back,
    record: the_record_is_filtered_by_actor_and_outcome,
    record: a_batch_is_recorded_whole_whoever_else_writes,
    automations: an_automation_belongs_to_whoever_saved_it_last_until_it_is_deleted,
    automations: the_automations_of_a_deployment_go_together,
    automations: an_owner_stays_on_record_when_removed,
    sign_on: a_person_is_bound_to_one_account_and_never_to_one_that_was_there,
    sign_on: a_provider_ends_what_it_names_and_nothing_else,
    sign_on: a_recheck_is_due_once_and_its_tokens_are_kept,
    sign_on: those_whom_the_provider_has_not_confirmed_are_found_while_they_have_something_of_it,
    sign_on: what_is_spent_is_spent_until_its_end,
    factors: the_first_factor_brings_recovery_codes_and_ends_the_other_sessions,
    factors: a_code_counts_once_and_none_before_it_after_it,
    factors: a_recovery_code_counts_once,
    factors: a_passkey_is_of_one_person_and_its_uses_are_kept,
    factors: the_last_factor_of_somebody_who_must_have_one_stays,
    factors: the_factor_of_another_is_neither_used_nor_removed,
    factors: a_challenge_is_answered_once_in_its_session_and_in_time,
    factors: a_link_takes_the_factors_away_once_and_sets_no_password,
    factors: what_a_role_demands_goes_with_the_role,
    acme: entries_are_replaced_by_name_and_gone_at_their_end,
    acme: one_has_the_turn_until_it_ends_or_is_left,
}

on_several_handles! {
    moved: whoever_is_too_far_behind_or_misses_a_version_reads_everything,
    directory: every_change_is_seen_by_another_handle,
    directory: a_damaged_row_is_named,
    credentials: the_limits_of_a_key_read_back_and_unreadable_ones_are_not_none,
    opening: what_was_committed_outlives_the_handle,
    opening: what_was_given_up_is_there_whole_or_not_at_all_and_blocks_nobody,
    mail: of_two_replicas_one_takes_a_notice,
    device: of_two_programs_that_ask_with_one_code_at_once_one_gets_a_key,
    account: of_two_uses_of_a_link_at_once_one_counts,
    account: a_ban_moves_the_version_that_another_handle_polls,
    owners: two_processes_that_disable_the_owners_at_once_leave_one,
    owners: a_team_and_its_last_owner_are_not_both_taken_at_once,
    teams: rules_of_one_principal_that_are_applied_at_once_leave_one_answer,
    teams: a_source_or_a_base_that_does_not_read_is_not_taken_for_none,
    keys: an_age_that_does_not_read_is_not_taken_for_none,
    keys: two_rotations_at_once_leave_one_successor,
    record: what_is_on_record_is_neither_changed_nor_deleted,
    sign_on: two_browsers_of_a_new_person_make_one_account,
    factors: of_two_uses_of_one_code_at_once_one_counts,
    factors: strangers_are_asked_so_many_at_a_time_and_no_more,
    factors: of_two_answers_to_one_challenge_one_counts,
    factors: a_proof_that_does_not_read_is_not_taken_for_one,
    acme: of_many_who_want_the_turn_at_once_one_has_it,
}

on_a_new_place! {
    opening: many_openers_of_a_new_database_agree_on_its_tables,
    opening: a_database_of_a_newer_program_is_opened_only_if_its_tables_serve_this_one,
    opening: grants_and_roles_of_before_there_were_teams_are_kept,
}
