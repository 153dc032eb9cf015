#pragma once

#include "shared/base/random.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Data that is hard for a block-sorting compressor in one way or another.
namespace athanor::test {

struct Sample {
  std::string name;
  std::vector<std::uint8_t> bytes;
};

inline std::vector<std::uint8_t> random_bytes(std::size_t size, std::uint64_t alphabet,
                                              std::uint64_t seed) {
  Random random(seed);
  std::vector<std::uint8_t> bytes(size);
  for (auto& byte : bytes) {
    byte = static_cast<std::uint8_t>(random.below(alphabet));
  }
  return bytes;
}

// Words of a made-up language, with the repetitions of real text.
inline std::vector<std::uint8_t> text(std::size_t size, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::string> words;
  for (int i = 0; i < 500; ++i) {
    std::string word;
    for (std::uint64_t letters = 1 + random.below(9); letters > 0; --letters) {
      word += static_cast<char>('a' + random.below(26));
    }
    words.push_back(word + (random.below(12) == 0 ? ".\n" : " "));
  }
  std::vector<std::uint8_t> bytes;
  while (bytes.size() < size) {
    // The square makes some words much more frequent than others.
    const std::string& word = words[random.below(words.size()) * random.below(words.size()) / 500];
    bytes.insert(bytes.end(), word.begin(), word.end());
  }
  bytes.resize(size);
  return bytes;
}

inline std::vector<std::uint8_t> repeated(std::string_view period, std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<std::uint8_t>(period[i % period.size()]);
  }
  return bytes;
}

// Runs of every length around the places where the run-length coding changes.
inline std::vector<std::uint8_t> runs() {
  std::vector<std::uint8_t> bytes;
  std::uint8_t value = 0;
  for (const std::size_t length : {1U,   2U,   3U,   4U,   5U,   8U,   9U,   254U, 255U,  256U,
                                   258U, 259U, 260U, 263U, 264U, 517U, 518U, 519U, 1000U, 70000U}) {
    for (int times = 0; times < 3; ++times) {
      bytes.insert(bytes.end(), length, value++);
    }
  }
  return bytes;
}

inline std::vector<Sample> samples() {
  std::vector<Sample> all;
  all.push_back({"nothing", {}});
  all.push_back({"one_byte", {'x'}});
  all.push_back({"two_equal_bytes", {'x', 'x'}});
  all.push_back({"two_bytes", {'y', 'x'}});
  all.push_back({"four_equal_bytes", {9, 9, 9, 9}});
  all.push_back({"five_equal_bytes", {9, 9, 9, 9, 9}});
  all.push_back({"all_byte_values", [] {
                   std::vector<std::uint8_t> bytes(256);
                   for (std::size_t i = 0; i < 256; ++i) {
                     bytes[i] = static_cast<std::uint8_t>(255 - i);
                   }
                   return bytes;
                 }()});
  all.push_back({"runs", runs()});
  all.push_back({"zeros", std::vector<std::uint8_t>(3'000'000)});
  all.push_back({"period_2", repeated("ab", 200'000)});
  all.push_back({"period_3_with_rest", repeated("abb", 100'001)});
  all.push_back({"period_5_descending", repeated("edcba", 50'000)});
  all.push_back({"long_period", repeated(std::string(1000, 'a') + "b", 500'000)});
  all.push_back({"random", random_bytes(1'000'000, 256, 1)});
  all.push_back({"random_of_two", random_bytes(400'000, 2, 2)});
  all.push_back({"random_small", random_bytes(777, 256, 3)});
  all.push_back({"text", text(2'000'000, 4)});
  all.push_back({"text_small", text(5'000, 5)});
  return all;
}

}  // namespace athanor::test
