// The Accept header, and media types.
#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "query/grammar/accept.hpp"
#include "query/grammar/media_domain.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace shardplex::fuzz {

void take(std::string_view input) {
  const auto accepted = read_accept(input);
  for (const auto& each : accepted) {
    invariant(each.quality >= 0 && each.quality <= 1, "a quality is a weight");
    const auto name = to_string(each.type);
    invariant(to_string(read_media_type(name)) == name, "a type is read as it is written");
  }
  invariant(std::ranges::is_sorted(accepted, std::ranges::greater(), &AcceptedType::quality),
            "what is liked best comes first");

  const auto shape = parse_accept(input);
  for (const auto& [plans, features] :
       {std::pair(false, false), std::pair(true, false), std::pair(true, true)}) {
    const auto answer = parse_accept(input, plans, features);
    if (!answer) {
      invariant(answer.error().code == "PGRST107", "what is not on offer is PGRST107");
      check_error(answer.error());
      continue;
    }
    invariant(plans || (shape && answer->shape == *shape && !answer->plan),
              "no plans where none are on offer");
    const auto offered =
        answer->plan ? content_type(*answer->plan) : std::string(content_type(answer->shape));
    invariant(parse_accept(offered, plans, features) == answer, "what is offered is accepted");
  }
  static_cast<void>(media_type(input));

  if (const auto type = media_type_of_domain(input)) {
    invariant(media_type_of_domain(*type) == type, "a media type stands for itself");
    invariant(content_type_of_value(*type).find_first_of("\r\n") == std::string::npos,
              "a field has one line");
    const auto answer = parse_accept(*type, false, false, *type);
    invariant(answer && answer->shape == Shape::value, "a value is acceptable as what it is");
  }
}

}  // namespace shardplex::fuzz
