package sim

import (
	"slices"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// Reading is a question that the vendor's documentation leaves open.
type Reading = simkit.Reading

// Readings lists every open question that can be switched. The first value of
// each is the default.
func Readings() []Reading {
	r := func(name, question string, values ...string) Reading {
		return Reading{Name: name, Question: question, Values: values}
	}
	return slices.Concat(personReadings(), []Reading{
		r("duplicate_email", "POST /users with an address in use: a status, or 200 with the user who has it", "400", "409", "200"),
		r("unknown_members", "a member of a body that the specification does not have", "refused", "ignored"),
		r("find_limit", "which burst limit users/find falls under: the plan's, or 10 in 2 s of searches", "plan", "search"),
		r("phones", "whose phone numbers are shown: the documentation says the caller's, its example shows all", "own", "all"),
		r("refresh_token", "a refresh answers with the same refresh token, or a new one and the old one is dead", "same", "rotated"),
		r("token_type", "how token_type is written", "Bearer", "bearer"),
		r("scope_separator", "what separates scopes in a token answer", "comma", "space"),
		r("retry_after", "whether 429 has Retry-After", "absent", "present"),
		r("too_many_body", "body of 429", "json", "empty"),
		r("permission_set", "data of permissionSets/{id}: an array of one, or the object", "array", "object"),
		r("seat_status", "status of an invitation or activation without a free seat", "403", "402"),
		r("reactivate", "activation by PUT without a free seat", "refused", "accepted"),
		r("put_deleted", "status of PUT on a permanently deleted user", "404", "400"),
		r("delete_user", "status of DELETE on a user, which the vendor does not have", "405", "404"),
		r("admin_with_set", "admin together with permission_set_id in access", "refused", "accepted"),
		r("page_limit", "a limit over 500", "refused", "capped"),
		r("invited_name", "name of an invited user: the part of the address before @, or all of it", "local", "address"),
		r("invited_login", "last_login of somebody who never logged in: the time of the invitation, or null", "time", "null"),
		r("unknown_role", "status for a role that is not there", "404", "400"),
		r("webhook_ids", "ids in meta of a delivery", "strings", "numbers"),
		r("webhook_time", "timestamp in meta of a delivery: ISO 8601, or seconds in 10 characters", "iso", "seconds"),
		r("webhook_retry_id", "id in meta of another attempt of the same delivery", "same", "new"),
		r("webhook_removed", "a webhook that the vendor has removed: in no list, or listed as inactive with remove_time and remove_reason",
			"absent", "listed"),
		r("webhook_user", "data of a delivery about a user: every field, or a few", "full", "short"),
	})
}

// SetReading changes the simulator's behaviour where the documentation is open.
func (s *Server) SetReading(name, value string) error { return s.kit.Readings.Set(name, value) }

func (s *Server) reads(name, value string) bool { return s.kit.Readings.Is(name, value) }
