#pragma once

#include "shared/net/http_client.hpp"
#include "shared/store/store.hpp"

namespace athanor {

// The bytes of a source, or of a part of it, as a request sends them; each body reads for itself.
// A file that turns out shorter than its digest says fails as corrupt. The source outlives the
// body.
Result<HttpBody> body_of(const ObjectSource& source, ByteRange range);
// All of it.
Result<HttpBody> body_of(const ObjectSource& source);
HttpBody body_of_text(std::string text);
// The source between two texts.
Result<HttpBody> framed_body_of(std::string before, const ObjectSource& source, std::string after);

Result<Sha256> sha256_of_range(const ObjectSource& source, ByteRange range);

// Collects an answer's body.
HttpSink collect_into(std::string& text);

}  // namespace athanor
