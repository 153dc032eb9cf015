#pragma once

namespace athanor::worker {

// The whole program; returns its exit status.
int run_program(int argc, char** argv);

}  // namespace athanor::worker
