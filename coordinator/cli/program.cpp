#include "coordinator/cli/dispatch.hpp"

#include <unistd.h>

#include <exception>
#include <iostream>
#include <system_error>

namespace athanor::coordinator {

int run_program(int argc, char** argv) {
  try {
    const SystemClock clock;
    const EnvironmentLookup environment = process_environment();
    std::error_code ignored;
    const auto terminal = [&](int descriptor) {
      return describe_terminal(cli::stream_facts(descriptor), cli::ColorChoice::automatic,
                               environment);
    };
    VerbContext context{.in = std::cin,
                        .out = std::cout,
                        .err = std::cerr,
                        .out_terminal = terminal(STDOUT_FILENO),
                        .err_terminal = terminal(STDERR_FILENO),
                        .environment = environment,
                        .clock = clock,
                        .program = std::filesystem::read_symlink("/proc/self/exe", ignored),
                        .working_directory = std::filesystem::current_path(ignored),
                        .common = {}};
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    const cli::ExitStatus status = dispatch(arguments, context);
    std::cout.flush();
    if (!std::cout && status == cli::ExitStatus::ready) {
      std::cerr << "error: the result could not be written to standard output\n";
      return code(cli::ExitStatus::partial);
    }
    return code(status);
  } catch (const std::exception& unexpected) {
    std::cerr << "error: " << unexpected.what() << '\n';
    return code(cli::ExitStatus::partial);
  }
}

}  // namespace athanor::coordinator
