#include "net/xml_answer.h"

#include <expat.h>

#include <limits>
#include <memory>
#include <type_traits>

namespace sluice {
namespace {

/// What has been read so far. The parser is stopped at the first thing that is refused.
struct Reading {
  XML_Parser parser = nullptr;
  std::size_t max_depth = 0;
  XmlElement root;  ///< Holds the document's element as its only child.
  std::vector<XmlElement*> open = {&root};
  bool refused = false;

  void Refuse() {
    refused = true;
    XML_StopParser(parser, XML_FALSE);
  }
};

void OnStart(void* user, const XML_Char* name, const XML_Char**) {
  auto& reading = *static_cast<Reading*>(user);
  if (reading.open.size() > reading.max_depth) return reading.Refuse();
  std::string_view local = name;
  if (const std::size_t colon = local.rfind(':'); colon != local.npos) {
    local.remove_prefix(colon + 1);
  }
  // Only the last child of an open element is open, so that no pointer in `open` moves.
  std::vector<XmlElement>& siblings = reading.open.back()->children;
  siblings.emplace_back().name = local;
  reading.open.push_back(&siblings.back());
}

void OnEnd(void* user, const XML_Char*) { static_cast<Reading*>(user)->open.pop_back(); }

void OnText(void* user, const XML_Char* text, int size) {
  static_cast<Reading*>(user)->open.back()->text.append(text, static_cast<std::size_t>(size));
}

void OnDocumentType(void* user, const XML_Char*, const XML_Char*, const XML_Char*, int) {
  static_cast<Reading*>(user)->Refuse();
}

Error NoXml(const char* why) {
  return RemoteError("net.answer", std::string("the answer is no XML that can be read: ") + why);
}

}  // namespace

const XmlElement* XmlElement::Child(std::string_view child) const {
  for (const XmlElement& one : children) {
    if (one.name == child) return &one;
  }
  return nullptr;
}

std::string XmlElement::ChildText(std::string_view child) const {
  const XmlElement* found = Child(child);
  return found == nullptr ? "" : found->text;
}

Result<XmlElement> ParseXmlAnswer(std::string_view body, std::size_t max_depth) {
  if (body.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return NoXml("it is too long");
  }
  std::unique_ptr<std::remove_pointer_t<XML_Parser>, void (*)(XML_Parser)> parser(
      XML_ParserCreate(nullptr), XML_ParserFree);
  if (parser == nullptr) return NoXml("out of memory");
  Reading reading;
  reading.parser = parser.get();
  reading.max_depth = max_depth;
  XML_SetUserData(parser.get(), &reading);
  XML_SetElementHandler(parser.get(), OnStart, OnEnd);
  XML_SetCharacterDataHandler(parser.get(), OnText);
  XML_SetStartDoctypeDeclHandler(parser.get(), OnDocumentType);
  const auto status =
      XML_Parse(parser.get(), body.data(), static_cast<int>(body.size()), /*isFinal=*/1);
  if (reading.refused) return NoXml("it has a document type, or is nested too deep");
  if (status != XML_STATUS_OK) return NoXml(XML_ErrorString(XML_GetErrorCode(parser.get())));
  return std::move(reading.root.children.at(0));
}

}  // namespace sluice
