#include "shared/store/xml.hpp"

#include "tests/support/results.hpp"

#include <gtest/gtest.h>

namespace athanor {
namespace {

TEST(Xml, ElementsTextAndEntitiesAreRead) {
  const XmlElement root = test::must(
      parse_xml("<?xml version=\"1.0\"?>\n<!-- c -->\n<a:List "
                "xmlns=\"x>y\"><Key>a&amp;b&lt;&#x41;&#228;</Key>"
                "<Empty/><Nested><Key>n</Key></Nested><C><![CDATA[<&>]]></C></a:List >"));
  EXPECT_EQ(root.name, "List");
  EXPECT_EQ(root.text_of("Key"), "a&b<A\xc3\xa4");
  EXPECT_EQ(root.text_of("Empty"), "");
  EXPECT_NE(root.child("Empty"), nullptr);
  EXPECT_EQ(root.child("None"), nullptr);
  EXPECT_EQ(root.child("Nested")->text_of("Key"), "n");
  EXPECT_EQ(root.text_of("C"), "<&>");
}

TEST(Xml, WhatIsNotWellFormedIsRefused) {
  std::string deep;
  for (int i = 0; i < 100; ++i) {
    deep += "<a>";
  }
  const std::string bad[] = {"",
                             "text",
                             "<a>",
                             "<a",
                             "<a></b>",
                             "<a>&nope;</a>",
                             "<a>&#xd800;</a>",
                             "<a>&amp</a>",
                             "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
                             "<a><b></a></b>",
                             "< a></a>",
                             "<a><!-- </a>",
                             "<a><![CDATA[ </a>",
                             deep};
  for (const std::string& text : bad) {
    const auto result = parse_xml(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().kind, ErrorKind::corrupt) << text;
  }
}

TEST(Xml, EscapedTextIsReadBack) {
  const std::string text = "\"a\" & <b> 'c'";
  EXPECT_EQ(test::must(parse_xml("<x>" + xml_escape(text) + "</x>")).text, text);
}

}  // namespace
}  // namespace athanor
