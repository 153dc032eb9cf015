#include "coordinator/cli/dispatch.hpp"

int main(int argc, char** argv) {
  return athanor::coordinator::run_program(argc, argv);
}
