#pragma once

#include "shared/protocol/client_messages.hpp"
#include "shared/protocol/fields.hpp"

// The fields of the clients' messages, as fields.hpp does it. CLIENTS.md repeats this for people.
namespace athanor::protocol {

inline constexpr Uint k_request_rule{.min = 1};
inline constexpr Text k_subject_rule{
    .min = 0, .max = 2 * limits::k_url_bytes, .need = Need::optional};

template <typename V>
void fields(V& v, Seen<V, ClientHello>& m) {
  v.field("protocol_min", m.protocol_min, Uint{.min = 1, .max = 255});
  v.field("protocol_max", m.protocol_max, Uint{.min = 1, .max = 255});
  v.field("name", m.name, Text{.min = 1, .max = limits::k_filename_bytes});
  v.field("version", m.version, k_word_rule);
  v.field("features", m.features, ListOf<Text>{.max = 64, .item = k_word_rule});
}

template <typename V>
void fields(V& v, Seen<V, Submit>& m) {
  v.field("request", m.request, k_request_rule);
  v.field("document", m.document_bytes, Uint{.min = 1, .max = limits::k_document_bytes});
  v.field("secrets", m.secret_bytes, Uint{.max = limits::k_document_bytes, .need = Need::optional});
}

template <typename V>
void fields(V& v, Seen<V, Part>& m) {
  v.field("request", m.request, k_request_rule);
  v.field("offset", m.offset, Uint{.need = Need::optional});
  v.field("bytes", m.bytes, Bytes{.max = limits::k_message_bytes_field});
}

template <typename V>
void fields(V& v, Seen<V, Ask>& m) {
  v.field("request", m.request, k_request_rule);
  v.field("question", m.question, Choice{});
  v.field("subject", m.subject, k_subject_rule);
}

template <typename V>
void fields(V& v, Seen<V, Command>& m) {
  v.field("request", m.request, k_request_rule);
  v.field("order", m.order, Choice{});
  v.field("subject", m.subject, k_subject_rule);
}

template <typename V>
void fields(V& v, Seen<V, Watch>& m) {
  v.field("request", m.request, k_request_rule);
  v.field("batch", m.batch, Uint{.min = 1});
}

template <typename V>
void fields(V& v, Seen<V, Unwatch>& m) {
  v.field("request", m.request, k_request_rule);
}

template <typename V>
void fields(V& v, Seen<V, ClientWelcome>& m) {
  v.field("protocol", m.protocol, Uint{.min = 1, .max = 255});
  v.field("epoch", m.epoch, Uint{.min = 1});
  v.field("version", m.version, k_word_rule);
  v.field("features", m.features, ListOf<Text>{.max = 64, .item = k_word_rule});
}

template <typename V>
void fields(V& v, Seen<V, Refused>& m) {
  v.field("reason", m.reason, Words{});
}

template <typename V>
void fields(V& v, Seen<V, Credit>& m) {
  v.field("request", m.request, k_request_rule);
  v.field("offset", m.offset, Uint{.min = 1});
}

template <typename V>
void fields(V& v, Seen<V, Answer>& m) {
  v.field("request", m.request, k_request_rule);
  v.field("last", m.last, Flag{});
  v.field("bytes", m.bytes, Bytes{.max = limits::k_message_bytes_field});
}

template <typename V>
void fields(V& v, Seen<V, Failure>& m) {
  v.field("request", m.request, k_request_rule);
  v.field("kind", m.kind, Choice{});
  v.field("message", m.message, Words{});
  v.field("hint", m.hint, Words{});
}

template <typename V>
void fields(V& v, Seen<V, Events>& m) {
  v.field("request", m.request, k_request_rule);
  v.field("events", m.events,
          ListOf<Bytes>{.max = limits::k_message_map_items,
                        .item = {.max = limits::k_message_bytes_field}});
}

std::string_view disagreement(const ClientHello& hello);

}  // namespace athanor::protocol
