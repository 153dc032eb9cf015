#include "tests/support/scratch_dir.hpp"

#include "tests/support/results.hpp"

namespace athanor::test {

ScratchDir::ScratchDir()
    : directory_(must(TempDir::create("athanor-test-"))) {}

}  // namespace athanor::test
