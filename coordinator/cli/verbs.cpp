#include "coordinator/cli/verb.hpp"

namespace athanor::coordinator {

const std::vector<VerbEntry>& verbs() {
  static const std::vector<VerbEntry> k_verbs = {
      {"run", make_run_verb},
      {"plan", make_plan_verb},
      {"check", make_check_verb},
      {"resolve", make_resolve_verb},
      {"store stat", make_store_stat_verb},
      {"store verify", make_store_verify_verb},
      {"store repair", make_store_repair_verb},
      {"store gc", make_store_gc_verb},
      {"store gc apply", make_store_gc_apply_verb},
      {"store gc list", make_store_gc_list_verb},
      {"store gc undo", make_store_gc_undo_verb},
      {"store gc purge", make_store_gc_purge_verb},
      {"store copy", make_store_copy_verb},
      {"serve", make_serve_verb},
      {"submit", make_submit_verb},
      {"batch list", make_batch_list_verb},
      {"batch show", make_batch_show_verb},
      {"batch wait", make_batch_wait_verb},
      {"batch cancel", make_batch_cancel_verb},
      {"batch retry", make_batch_retry_verb},
      {"worker list", make_worker_list_verb},
      {"worker drain", make_worker_drain_verb},
      {"worker resume", make_worker_resume_verb},
      {"explain", make_explain_verb},
      {"transmute", make_transmute_verb},
      {"archive list", make_archive_list_verb},
      {"archive verify", make_archive_verify_verb},
      {"archive diff", make_archive_diff_verb},
      {"keys new", make_keys_new_verb},
      {"keys show", make_keys_show_verb},
      {"config show", make_config_show_verb},
      {"config validate", make_config_validate_verb},
      {"auth test", make_auth_test_verb},
      {"doctor", make_doctor_verb},
      {"help", make_help_verb},
      {"version", make_version_verb},
  };
  return k_verbs;
}

}  // namespace athanor::coordinator
