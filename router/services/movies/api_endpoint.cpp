// GET and HEAD of / and /openapi.json: what is served, as a document.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "query/grammar/accept.hpp"
#include "router/services/movies/request_parts.hpp"
#include "router/services/movies/table_request.hpp"
#include "shard_map/joined.hpp"

namespace shardplex::router {
namespace {

constexpr std::size_t part_bytes = 64 * 1024;

/// A part at a time of a text that several clients may be given.
class TextStream final : public BodyStream {
 public:
  explicit TextStream(std::shared_ptr<const std::string> text) : text_(std::move(text)) {}

  Awaitable<Result<void>> next(std::string& part) override {
    part.append(*text_, at_, part_bytes);
    at_ = std::min(at_ + part_bytes, text_->size());
    co_return Result<void>{};
  }

 private:
  std::shared_ptr<const std::string> text_;
  std::size_t at_ = 0;
};

/// PGRST107 where the client takes neither plain JSON nor OpenAPI's.
Result<void> check_document_is_accepted(const TableRequest& request) {
  const auto accept = list_field(request.call.request, "Accept");
  const auto asked = read_accept(accept);
  const auto is_document = [](const AcceptedType& accepted) {
    const auto kind = accepted.type.kind;
    return accepted.quality > 0 &&
           (kind == MediaKind::any || kind == MediaKind::json || kind == MediaKind::openapi);
  };
  if (asked.empty() || std::ranges::any_of(asked, is_document)) return {};
  std::vector<std::string> names;
  for (const auto& accepted : asked) names.push_back(to_string(accepted.type));
  return Error{"PGRST107", "None of these media types are available: " + joined(names), std::nullopt,
               "application/openapi+json and application/json are available", std::nullopt};
}

}  // namespace

Awaitable<Result<Answer>> describe_api(TableRequest& request) {
  if (auto accepted = check_document_is_accepted(request); !accepted) co_return accepted.error();
  const auto dialect = request.pattern == "/" ? ApiDialect::openapi_2 : ApiDialect::openapi_3;
  auto& context = request.context;
  const auto document = context.worker.api_documents().find(*request.schema, dialect);
  context.stage_done(context.merge_us);
  Answer answer;
  answer.content_type = "application/openapi+json; charset=utf-8";
  auto rest = std::make_unique<TextStream>(document);
  if (auto begun = co_await rest->next(answer.body); !begun) co_return begun.error();
  if (answer.body.size() < document->size()) answer.rest = std::move(rest);
  co_return answer;
}

}  // namespace shardplex::router
