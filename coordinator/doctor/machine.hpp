#pragma once

#include "coordinator/doctor/finding.hpp"
#include "shared/auth/access.hpp"
#include "shared/config/settings.hpp"
#include "shared/os/machine.hpp"

#include <filesystem>
#include <string>

namespace athanor::coordinator {

// Where the machine's own numbers are read; a parameter so that tests can have another machine.
struct MachinePlace {
  EnvironmentLookup environment = process_environment();
  std::filesystem::path working_directory = ".";
  std::filesystem::path program{};       // this program's own file
  std::filesystem::path proc = "/proc";  // of /proc/meminfo
  std::filesystem::path cgroup = "/sys/fs/cgroup";
};

// The program, the worker beside it, and programs that some inputs need.
void look_at_programs(Findings& findings, const config::Settings& settings,
                      const MachinePlace& place);
// Scratch and state directories: writable, and with room.
void look_at_disks(Findings& findings, const config::Settings& settings, const MachinePlace& place);
// Open files, memory, processors.
void look_at_limits(Findings& findings, const config::Settings& settings,
                    const MachinePlace& place);
// Proxies, certificates, timeouts; what of them can be checked without asking anybody.
void look_at_network(Findings& findings, const NetworkSettings& network);

}  // namespace athanor::coordinator
