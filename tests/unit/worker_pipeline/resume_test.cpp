#include "tests/unit/worker_pipeline/workshop.hpp"

namespace athanor::worker::test {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::SizeIs;
using Then = OriginResponse::Then;

constexpr const char* k_path = "/main/linux-64/demo-1.0-h0_0.tar.bz2";

auto ended(AttemptEnd end) {
  return Field(&FetchAttempt::end, end);
}

// What happens to a transfer that breaks: what has arrived is kept.
class Resume : public Workshop {
 protected:
  Resume()
      : bytes_(build_package({}, Format::tar_bz2)),
        spec_(job(k_path, bytes_, {Format::tar_bz2})) {}

  // The good file, cut after so many bytes the first time it is asked for.
  void cut_once(std::size_t after) {
    auto first = std::make_shared<bool>(true);
    origin_.on(k_path, [this, after, first](const OriginRequest& request) {
      OriginResponse response = good_file(request, bytes_);
      if (std::exchange(*first, false)) {
        response.then = Then::cut;
        response.cut_after = after;
      }
      return response;
    });
  }
  std::map<std::string, std::string> headers(std::size_t request) const {
    return origin_.log().at(request).headers;
  }

  const std::string bytes_;
  JobSpec spec_;
};

TEST_F(Resume, OnlyTheRestOfACutTransferIsAskedForAgain) {
  for (std::size_t tenth = 1; tenth < 10; ++tenth) {
    SCOPED_TRACE(tenth);
    const std::size_t begun = origin_.total_requests();
    const std::size_t cut = bytes_.size() * tenth / 10;
    cut_once(cut);
    const JobSuccess done = succeed(spec_);
    EXPECT_EQ(done.fetched_bytes, bytes_.size());
    ASSERT_THAT(done.attempts, ElementsAre(ended(AttemptEnd::broken), ended(AttemptEnd::done)));
    EXPECT_EQ(done.attempts[0].bytes, cut);
    EXPECT_EQ(done.attempts[1].bytes, bytes_.size() - cut);
    EXPECT_EQ(done.attempts[1].status, 206);
    EXPECT_EQ(headers(begun + 1)["range"], "bytes=" + std::to_string(cut) + "-");
    EXPECT_THAT(headers(begun + 1)["if-range"], HasSubstr("\""));
    must(store_.remove(key(spec_, Format::tar_bz2, bytes_)));
  }
}

TEST_F(Resume, AConnectionThatIsAlwaysCutStillGetsAPackageAcross) {
  const std::size_t piece = bytes_.size() / 12;
  origin_.on(k_path, [this, piece](const OriginRequest& request) {
    OriginResponse response = good_file(request, bytes_);
    if (response.body.size() > piece) {
      response.then = Then::cut;
      response.cut_after = piece;
    }
    return response;
  });
  const JobSuccess done = succeed(spec_);
  EXPECT_EQ(done.fetched_bytes, bytes_.size());
  EXPECT_GE(done.attempts.size(), 12U);
}

TEST_F(Resume, AFileThatHasChangedMeanwhileIsBegunAnew) {
  OriginResponse old = {.headers = {{"ETag", "\"old\""}}, .body = std::string(bytes_.size(), 'x')};
  old.then = Then::cut;
  old.cut_after = bytes_.size() / 2;
  const struct {
    const char* name;
    std::map<std::string, std::string> headers;
    int status;
    std::string body;
    std::size_t requests;
  } rows[] = {
      {"If-Range is obeyed", {{"ETag", "\"new\""}}, 200, bytes_, 2},
      {"another size",
       {{"ETag", "\"old\""},
        {"Content-Range", "bytes " + std::to_string(bytes_.size() / 2) + "-9999/10000"}},
       206,
       "whatever",
       3},
      {"another version",
       {{"ETag", "\"new\""},
        {"Content-Range", "bytes " + std::to_string(bytes_.size() / 2) + "-" +
                              std::to_string(bytes_.size() - 1) + "/" +
                              std::to_string(bytes_.size())}},
       206,
       bytes_.substr(bytes_.size() / 2),
       3},
      {"it ends before", {}, 416, "", 3},
      {"another range than asked for",
       {{"Content-Range",
         "bytes 0-" + std::to_string(bytes_.size() - 1) + "/" + std::to_string(bytes_.size())}},
       206,
       bytes_,
       3},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const std::size_t begun = origin_.total_requests();
    origin_.script(k_path, {old,
                            {.status = row.status, .headers = row.headers, .body = row.body},
                            answer(200, bytes_)});
    succeed(spec_);
    EXPECT_EQ(origin_.total_requests() - begun, row.requests);
    must(store_.remove(key(spec_, Format::tar_bz2, bytes_)));
  }
}

TEST_F(Resume, AnOriginWithoutRangesIsAskedForAllOfIt) {
  origin_.script(k_path, {{.body = bytes_, .then = Then::cut, .cut_after = bytes_.size() / 2},
                          answer(200, bytes_)});
  EXPECT_EQ(succeed(spec_).fetched_bytes, bytes_.size() + bytes_.size() / 2);
}

TEST_F(Resume, PiecesThatDontFitTogetherAreNobodysFaultYet) {
  std::string wrong = bytes_;
  wrong[3] = static_cast<char>(wrong[3] ^ 1);
  auto count = std::make_shared<int>(0);
  origin_.on(k_path, [this, wrong, count](const OriginRequest& request) {
    OriginResponse response = good_file(request, ++*count == 1 ? wrong : bytes_);
    response.headers["ETag"] = "\"same\"";
    if (*count == 1) {
      response.then = Then::cut;
      response.cut_after = bytes_.size() / 2;
    } else if (*count == 2) {
      OriginRequest unconditional = request;
      unconditional.headers.erase("if-range");
      response = good_file(unconditional, bytes_);
      response.headers["ETag"] = "\"same\"";
    }
    return response;
  });
  const JobSuccess done = succeed(spec_);
  EXPECT_THAT(done.attempts, ElementsAre(ended(AttemptEnd::broken), ended(AttemptEnd::altered),
                                         ended(AttemptEnd::done)));
  EXPECT_EQ(headers(2).count("range"), 0U);
  EXPECT_EQ(headers(2)["cache-control"], "no-cache");
}

TEST_F(Resume, WithoutAHashOnlyWhatTheOriginCallsTheSameVersionIsPutTogether) {
  spec_.expected.clear();
  cut_once(bytes_.size() / 2);
  EXPECT_EQ(succeed(spec_).fetched_bytes, bytes_.size());
  must(store_.remove(key(spec_, Format::tar_bz2, bytes_)));

  const std::size_t begun = origin_.total_requests();
  OriginResponse dated = {.headers = {{"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"}},
                          .body = bytes_,
                          .then = Then::cut,
                          .cut_after = bytes_.size() / 2};
  origin_.script(k_path, {dated, answer(200, bytes_)});
  succeed(spec_);
  EXPECT_EQ(headers(begun + 1).count("range"), 0U);
}

TEST_F(Resume, ATransferThatBrokeAfterItsLastByteIsWhole) {
  OriginResponse chunked = {.headers = {{"Transfer-Encoding", "chunked"}}, .then = Then::cut};
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes_.size());
  chunked.body = size + bytes_ + "\r\n";  // and no last chunk
  chunked.cut_after = chunked.body.size();
  origin_.script(k_path, {chunked});
  EXPECT_THAT(succeed(spec_).attempts, SizeIs(1));
}

}  // namespace
}  // namespace athanor::worker::test
