#include "worker/cli/program.hpp"

int main(int argc, char** argv) {
  return athanor::worker::run_program(argc, argv);
}
