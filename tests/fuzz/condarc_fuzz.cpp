// conda's configuration files: whatever stands in one, it is read or refused, and what was read
// names channels that can be resolved or are refused.

#include "shared/channels/channel_config.hpp"
#include "shared/channels/rc_document.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = athanor::parse_rc_document(text, "fuzz");
  if (!document) {
    return 0;
  }
  athanor::ChannelSettings settings;
  for (const auto& [key, value] : document->members) {
    settings.custom_channels.emplace_back(key, value.text);
    settings.migrated_channel_aliases.push_back(value.text);
    settings.channel_alias = value.text;
  }
  const athanor::ChannelConfig config(settings);
  for (const auto& [key, value] : document->members) {
    for (const std::string_view name : {std::string_view(key), std::string_view(value.text)}) {
      const auto channels = config.resolve(name);
      static_cast<void>(config.with_token(name, "token"));
      static_cast<void>(config.with_credentials(name));
      if (channels) {
        // What a channel is called must be a channel again: its base URL can be asked for.
        for (const athanor::Channel& channel : *channels) {
          static_cast<void>(config.mirrored(channel.base_url));
        }
      }
    }
  }
  return 0;
}
