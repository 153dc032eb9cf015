#pragma once

#include "shared/base/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

// One element of an XML answer: enough of XML for what stores say. Attributes are dropped,
// namespace prefixes too.
struct XmlElement {
  std::string name;
  std::string text;  // all character data directly inside, entities resolved
  std::vector<XmlElement> children;

  // The first child of that name; null if there is none.
  const XmlElement* child(std::string_view child_name) const;
  // Its text; empty if there is no such child.
  std::string text_of(std::string_view child_name) const;
};

// The root element. corrupt if text isn't well formed, nests deeper than 32 levels, has more than
// a million elements or a document type.
Result<XmlElement> parse_xml(std::string_view text);

// Text as it must stand between tags.
std::string xml_escape(std::string_view text);

}  // namespace athanor
