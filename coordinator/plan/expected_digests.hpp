#pragma once

#include "shared/conda/artifact.hpp"
#include "shared/digest/digest.hpp"
#include "shared/protocol/job.hpp"

#include <optional>
#include <string>
#include <vector>

namespace athanor::coordinator {

// Adds what one input says about a source to what others said: merged with an alternative that
// names the same bytes, else an alternative of its own. What says nothing adds nothing, and a size
// alone counts only as long as nobody knows a hash.
void add_expected(std::vector<ExpectedDigest>& alternatives, const ExpectedDigest& expected);

// The part of an expectation that an object's key shows: MD5 for conda, SHA-256 for pypi.
std::optional<std::string> object_hash(const ExpectedDigest& expected, PackageType type);

// The same of the source's bytes, if there is no other alternative.
std::optional<std::string> certain_hash(const std::vector<ExpectedDigest>& alternatives,
                                        PackageType type);

// Whether an object with this hash and size may be what is expected, as far as a key and a size
// can tell.
bool may_be(const StoredFormat& stored, const ExpectedDigest& expected, PackageType type);

// Why the object in the source's own format is none of the alternatives; absent if it may be one,
// or nothing is known.
std::optional<std::string> contradiction(const StoredFormat& stored,
                                         const std::vector<ExpectedDigest>& alternatives,
                                         PackageType type);

}  // namespace athanor::coordinator
