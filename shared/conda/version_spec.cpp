#include "shared/conda/version_spec.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/glob.hpp"
#include "shared/conda/pattern.hpp"

#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace athanor {
namespace {

enum class Relation {
  equal,
  unequal,
  less,
  less_equal,
  greater,
  greater_equal,
  starts,
  starts_not,
  compatible
};

struct OperatorRow {
  std::string_view spelling;
  Relation relation;
};

// Longer spellings first, so that "<=" isn't read as "<".
constexpr std::array<OperatorRow, 8> k_operators = {{
    {"==", Relation::equal},
    {"!=", Relation::unequal},
    {"<=", Relation::less_equal},
    {">=", Relation::greater_equal},
    {"~=", Relation::compatible},
    {"=", Relation::starts},
    {"<", Relation::less},
    {">", Relation::greater},
}};

constexpr std::size_t k_max_spec_bytes = 4096;

Error invalid_spec(std::string_view text, std::string_view why) {
  return make_error(ErrorKind::invalid, "'" + printable(text, 100) +
                                            "' is not a version requirement: " + std::string(why));
}

}  // namespace

// One relation, or a conjunction or disjunction of nodes.
struct VersionSpec::Node {
  enum class Kind { relation, glob, regex, all_of, any_of, anything };
  Kind kind = Kind::anything;
  Relation relation = Relation::equal;
  std::optional<Version> version;
  std::string pattern;
  std::optional<Pattern> regex;
  std::vector<std::shared_ptr<const Node>> children;
};

namespace {

using Node = VersionSpec::Node;
using NodePointer = std::shared_ptr<const Node>;

bool holds(Relation relation, const Version& version, const Version& other) {
  switch (relation) {
    case Relation::equal:
      return version == other;
    case Relation::unequal:
      return version != other;
    case Relation::less:
      return version < other;
    case Relation::less_equal:
      return version <= other;
    case Relation::greater:
      return version > other;
    case Relation::greater_equal:
      return version >= other;
    case Relation::starts:
      return version.starts_with(other);
    case Relation::starts_not:
      return !version.starts_with(other);
    case Relation::compatible:
      return version.is_compatible_with(other);
  }
  return false;
}

bool node_matches(const Node& node, const Version& version) {
  switch (node.kind) {
    case Node::Kind::anything:
      return true;
    case Node::Kind::relation:
      return holds(node.relation, version, *node.version);
    case Node::Kind::glob:
      return glob_matches(node.pattern, version.text());
    case Node::Kind::regex:
      return node.regex->matches(version.text());
    case Node::Kind::all_of:
      for (const NodePointer& child : node.children) {
        if (!node_matches(*child, version)) {
          return false;
        }
      }
      return true;
    case Node::Kind::any_of:
      for (const NodePointer& child : node.children) {
        if (node_matches(*child, version)) {
          return true;
        }
      }
      return false;
  }
  return false;
}

Result<NodePointer> relation_node(Relation relation, std::string_view version) {
  Node node{.kind = Node::Kind::relation,
            .relation = relation,
            .version = {},
            .pattern = {},
            .regex = {},
            .children = {}};
  ATHANOR_ASSIGN(node.version, Version::parse(version));
  return NodePointer(std::make_shared<Node>(std::move(node)));
}

// "^1\.2.*$".
Result<NodePointer> regex_node(std::string_view text) {
  Result<Pattern> pattern = Pattern::compile(text);
  if (!pattern) {
    return invalid_spec(text, pattern.error().message);
  }
  Node node;
  node.kind = Node::Kind::regex;
  node.regex = std::move(pattern).value();
  return NodePointer(std::make_shared<Node>(std::move(node)));
}

Result<NodePointer> operator_node(std::string_view text) {
  for (const OperatorRow& row : k_operators) {
    if (!text.starts_with(row.spelling)) {
      continue;
    }
    std::string_view version = trim(text.substr(row.spelling.size()));
    if (version.empty() ||
        std::string_view("=<>!~").find(version.front()) != std::string_view::npos) {
      break;
    }
    Relation relation = row.relation;
    if (version.ends_with(".*")) {
      if (relation == Relation::compatible) {
        return invalid_spec(text, "'~=' doesn't go with '.*'");
      }
      version.remove_suffix(2);
      relation = relation == Relation::unequal ? Relation::starts_not : relation;
    }
    return relation_node(relation, version);
  }
  return invalid_spec(text, "its operator is none of == != <= >= ~= = < >, followed by a version");
}

Result<NodePointer> plain_node(std::string_view text) {
  if (text == "*") {
    return NodePointer(std::make_shared<Node>());
  }
  const std::size_t last = text.find_last_not_of('*');
  const std::string_view stem = text.substr(0, last == std::string_view::npos ? 0 : last + 1);
  if (stem.empty() || stem.find('*') != std::string_view::npos) {
    Node node;
    node.kind = Node::Kind::glob;
    node.pattern = text;
    return NodePointer(std::make_shared<Node>(std::move(node)));
  }
  if (stem.size() == text.size()) {
    return relation_node(Relation::equal, text);
  }
  const std::size_t end = stem.find_last_not_of('.');
  return relation_node(Relation::starts,
                       stem.substr(0, end == std::string_view::npos ? 0 : end + 1));
}

Result<NodePointer> leaf(std::string_view text) {
  text = trim(text);
  if (text.empty()) {
    return invalid_spec(text, "something is missing beside ',' or '|'");
  }
  if (text.front() == '^' || text.back() == '$') {
    return regex_node(text);
  }
  if (std::string_view("=<>!~").find(text.front()) != std::string_view::npos) {
    return operator_node(text);
  }
  return plain_node(text);
}

// A recursive descent over: or := and ("|" and)*; and := unit ("," unit)*; unit := "(" or ")" |
// leaf.
class Parser {
 public:
  explicit Parser(std::string_view text)
      : whole_(text),
        rest_(text) {}

  Result<NodePointer> parse() {
    ATHANOR_ASSIGN(NodePointer node, any_of(0));
    if (!rest_.empty()) {
      return invalid_spec(whole_, "it has a ')' too many");
    }
    return node;
  }

 private:
  using Rule = Result<NodePointer> (Parser::*)(std::size_t depth);

  Result<NodePointer> any_of(std::size_t depth) {
    return joined('|', Node::Kind::any_of, &Parser::all_of, depth);
  }
  Result<NodePointer> all_of(std::size_t depth) {
    return joined(',', Node::Kind::all_of, &Parser::unit, depth);
  }

  Result<NodePointer> joined(char separator, Node::Kind kind, Rule rule, std::size_t depth) {
    Node node;
    node.kind = kind;
    do {
      ATHANOR_ASSIGN(NodePointer child, (this->*rule)(depth));
      node.children.push_back(std::move(child));
    } while (take(separator));
    return node.children.size() == 1 ? node.children.front()
                                     : NodePointer(std::make_shared<Node>(std::move(node)));
  }

  Result<NodePointer> unit(std::size_t depth) {
    if (depth > limits::k_input_depth) {
      return invalid_spec(whole_, "it is nested too deeply");
    }
    if (take('(')) {
      ATHANOR_ASSIGN(NodePointer node, any_of(depth + 1));
      if (!take(')')) {
        return invalid_spec(whole_, "a ')' is missing");
      }
      return node;
    }
    rest_ = trim(rest_);
    // A regular expression may hold the characters that join: it ends with its "$".
    std::size_t end = rest_.starts_with('^') ? rest_.find('$') : rest_.find_first_of("()|,");
    end =
        end != std::string_view::npos && rest_[end] == '$' ? end + 1 : std::min(end, rest_.size());
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return leaf(text);
  }

  bool take(char c) {
    rest_ = trim(rest_);
    if (!rest_.starts_with(c)) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view whole_;
  std::string_view rest_;
};

}  // namespace

VersionSpec::VersionSpec() = default;

Result<VersionSpec> VersionSpec::parse(std::string_view text) {
  text = trim(text);
  VersionSpec spec;
  if (text.empty() || text == "*") {
    return spec;
  }
  if (text.size() > k_max_spec_bytes) {
    return invalid_spec(text, "it is longer than 4096 bytes");
  }
  spec.text_ = text;
  ATHANOR_ASSIGN(spec.root_, Parser(text).parse());
  return spec;
}

bool VersionSpec::matches(const Version& version) const {
  return root_ == nullptr || node_matches(*root_, version);
}

bool VersionSpec::is_exact() const {
  return root_ != nullptr && root_->kind == Node::Kind::relation &&
         root_->relation == Relation::equal;
}

}  // namespace athanor
