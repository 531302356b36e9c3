package sim

import "github.com/rollcall-agent/rollcall/plugins/internal/simkit"

// Reading is a question that the vendor's documentation leaves open, and the
// answers that the simulator can give. A client must cope with each.
type Reading = simkit.Reading

// Readings lists every open question that can be switched.
func Readings() []Reading {
	r := func(name, question string, values ...string) Reading {
		return Reading{Name: name, Question: question, Values: values}
	}
	return []Reading{
		r("unknown_person", "answer to GET, PUT, PATCH and DELETE of a person who is not there; 200 has no body", "404", "400", "200"),
		r("duplicate", "status of a write that takes somebody else's identifier", "409", "400"),
		r("get_one", "form of GET with identifier and type: one person, or a list of one", "person", "list"),
		r("list_siblings", "whether a list of people has limit, page, orderBy and totalCount beside it", "present", "absent"),
		r("list_order", "order of people when the client names none", orderID, "modifiedAt:desc"),
		r("append_existing", "PATCH with a tag or contact that the person has already", "once", "twice", "refused"),
		r("null_members", "a member that is null: empties the attribute, changes nothing, is an error", "empties", "ignored", "refused"),
		r("empty_attributes", "an attribute without value in an answer", "absent", "null"),
		r("unknown_members", "a member that the specification does not have", "refused", "ignored"),
		r("read_only_members", "a member that only the vendor sets, such as id", "refused", "ignored"),
		r("unknown_attributes", "a custom attribute that is not defined", "refused", "ignored"),
		r("unknown_tags", "a tag that is not defined, in a person", "defined", "refused"),
		r("without_identifier", "a person without phone, e-mail address and external id", "accepted", "refused"),
		r("phone_plus", "a phone number with a plus sign", "refused", "stripped"),
		r("unknown_query", "a query parameter that the specification does not have", "refused", "ignored"),
		r("retry_after", "whether 429 has Retry-After: 1", "absent", "present"),
		r("batch_status", "status of a batch of which a part failed", "207", "200"),
		r("batch_results", "what results of a batch lists", "failed", "all"),
		r("batch_invalid", "an item of a batch that breaks a rule: its own result, or the whole batch is 400", "item", "batch"),
		r("match_none", "answer to match when nobody matches", "200", "404"),
		r("upsert_patch", "contacts and tags in PATCH upsert: added, or instead of the old ones", "added", "instead"),
		r("tags_list", "form of GET tags: an array, or an object with tags in it", "array", "object"),
		r("delete_body", "body of a deletion: none, or an empty string in JSON", "none", "string"),
		r("agents_email", "whether the list of agents has e-mail addresses; GET of one agent has", "absent", "present"),
		r("agent_enabled", "PUT of an agent without enabled: the specification's default, or as it was", "true", "kept"),
		r("unknown_agent", "an agent id of the right form that is not there", "404", "400"),
		r("api_keys_app", "API keys with App authorization", "401", "403"),
	}
}

// SetReading changes the simulator's behaviour where the documentation is open.
func (s *Server) SetReading(name, value string) error { return s.readings.Set(name, value) }
