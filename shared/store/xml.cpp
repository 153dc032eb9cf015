#include "shared/store/xml.hpp"

#include "shared/base/strings.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

namespace athanor {
namespace {

constexpr std::size_t k_depth = 32;
constexpr std::size_t k_elements = 1'000'000;

Error malformed(std::string_view why) {
  return make_error(ErrorKind::corrupt, "the answer is no well-formed XML: " + std::string(why));
}

void append_utf8(std::string& text, std::uint32_t point) {
  const auto byte = [&](std::uint32_t value) { text += static_cast<char>(value); };
  if (point < 0x80) {
    byte(point);
  } else if (point < 0x800) {
    byte(0xc0U | (point >> 6U));
    byte(0x80U | (point & 0x3fU));
  } else if (point < 0x10000) {
    byte(0xe0U | (point >> 12U));
    byte(0x80U | ((point >> 6U) & 0x3fU));
    byte(0x80U | (point & 0x3fU));
  } else {
    byte(0xf0U | (point >> 18U));
    byte(0x80U | ((point >> 12U) & 0x3fU));
    byte(0x80U | ((point >> 6U) & 0x3fU));
    byte(0x80U | (point & 0x3fU));
  }
}

// "amp", "#38", "#x26": what stands between "&" and ";".
bool append_entity(std::string& text, std::string_view entity) {
  if (entity.starts_with('#')) {
    entity.remove_prefix(1);
    const int base = entity.starts_with('x') ? 16 : 10;
    entity.remove_prefix(base == 16 ? 1 : 0);
    std::uint32_t point = 0;
    const auto [end, error] =
        std::from_chars(entity.data(), entity.data() + entity.size(), point, base);
    if (error != std::errc() || end != entity.data() + entity.size() || point > 0x10ffff ||
        (point >= 0xd800 && point < 0xe000)) {
      return false;
    }
    append_utf8(text, point);
    return true;
  }
  constexpr std::pair<std::string_view, char> k_named[] = {
      {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
  for (const auto& [name, character] : k_named) {
    if (name == entity) {
      text += character;
      return true;
    }
  }
  return false;
}

class Parser {
 public:
  explicit Parser(std::string_view text)
      : rest_(text) {}

  Result<XmlElement> document() {
    if (rest_.starts_with("\xef\xbb\xbf")) {
      rest_.remove_prefix(3);
    }
    ATHANOR_TRY(skip_prolog());
    XmlElement root;
    ATHANOR_TRY(element(root, 0));
    return root;
  }

 private:
  // Declarations and comments before the root.
  Result<void> skip_prolog() {
    while (true) {
      rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
      if (rest_.starts_with("<?")) {
        ATHANOR_TRY(skip_past("?>"));
      } else if (rest_.starts_with("<!--")) {
        ATHANOR_TRY(skip_past("-->"));
      } else if (rest_.starts_with("<!")) {
        return malformed("a document type is not expected");
      } else {
        return {};
      }
    }
  }

  Result<void> skip_past(std::string_view mark) {
    const std::size_t at = rest_.find(mark);
    if (at == std::string_view::npos) {
      return malformed("it ends too early");
    }
    rest_.remove_prefix(at + mark.size());
    return {};
  }

  // "<name …>" and all until its "</name>".
  Result<void> element(XmlElement& result, std::size_t depth) {
    if (depth > k_depth || ++elements_ > k_elements) {
      return malformed("it is too deep or too large");
    }
    if (!rest_.starts_with('<')) {
      return malformed("a tag is missing");
    }
    ATHANOR_ASSIGN(const std::size_t end, tag_end());
    std::string_view tag = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    const bool is_empty = tag.ends_with('/');
    if (is_empty) {
      tag.remove_suffix(1);
    }
    const std::string_view full_name = tag.substr(0, tag.find_first_of(" \t\r\n"));
    if (full_name.empty() || full_name.starts_with('/')) {
      return malformed("a tag without a name");
    }
    result.name = full_name.substr(full_name.find(':') + 1);  // npos + 1 is 0
    return is_empty ? Result<void>() : content(result, full_name, depth);
  }

  // The index of the ">" that ends the tag at the front; quoted values may hold one.
  Result<std::size_t> tag_end() const {
    char quote = '\0';
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      const char c = rest_[i];
      if (quote != '\0') {
        quote = c == quote ? '\0' : quote;
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '>') {
        return i;
      }
    }
    return malformed("it ends within a tag");
  }

  Result<void> content(XmlElement& result, std::string_view full_name, std::size_t depth) {
    while (true) {
      const std::size_t tag = rest_.find('<');
      if (tag == std::string_view::npos) {
        return malformed("it ends too early");
      }
      ATHANOR_TRY(append_text(result.text, rest_.substr(0, tag)));
      rest_.remove_prefix(tag);
      if (rest_.starts_with("</")) {
        ATHANOR_ASSIGN(const std::size_t end, tag_end());
        if (trim(rest_.substr(2, end - 2)) != full_name) {
          return malformed("tags that don't match");
        }
        rest_.remove_prefix(end + 1);
        return {};
      }
      if (rest_.starts_with("<!--")) {
        ATHANOR_TRY(skip_past("-->"));
      } else if (rest_.starts_with("<![CDATA[")) {
        const std::size_t end = rest_.find("]]>");
        if (end == std::string_view::npos) {
          return malformed("it ends too early");
        }
        result.text += rest_.substr(9, end - 9);
        rest_.remove_prefix(end + 3);
      } else {
        ATHANOR_TRY(element(result.children.emplace_back(), depth + 1));
      }
    }
  }

  static Result<void> append_text(std::string& text, std::string_view raw) {
    while (!raw.empty()) {
      const std::size_t ampersand = raw.find('&');
      text += raw.substr(0, ampersand);
      if (ampersand == std::string_view::npos) {
        break;
      }
      raw.remove_prefix(ampersand + 1);
      const std::size_t semicolon = raw.find(';');
      if (semicolon == std::string_view::npos || !append_entity(text, raw.substr(0, semicolon))) {
        return malformed("an unknown entity");
      }
      raw.remove_prefix(semicolon + 1);
    }
    return {};
  }

  std::string_view rest_;
  std::size_t elements_ = 0;
};

}  // namespace

const XmlElement* XmlElement::child(std::string_view child_name) const {
  for (const XmlElement& element : children) {
    if (element.name == child_name) {
      return &element;
    }
  }
  return nullptr;
}

std::string XmlElement::text_of(std::string_view child_name) const {
  const XmlElement* found = child(child_name);
  return found == nullptr ? std::string() : found->text;
}

Result<XmlElement> parse_xml(std::string_view text) {
  return Parser(text).document();
}

std::string xml_escape(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

}  // namespace athanor
