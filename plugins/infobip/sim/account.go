package sim

import (
	"net/http"
	"strings"
)

// Account is the caller's account or one below it.
type Account struct {
	Key      string `json:"key"`
	OwnerKey string `json:"ownerKey"`
	Name     string `json:"name"`
	Enabled  bool   `json:"enabled"`
}

func accounts() []Account {
	const main = "0000000000000000000000000000A11C"
	return []Account{
		{main, "", "Example Company", true},
		{"0000000000000000000000000000B22D", main, "Example Sales", true},
		{"0000000000000000000000000000C33E", main, "Example Trial", false},
	}
}

// listAccounts handles GET /settings/1/accounts.
func (s *Server) listAccounts(w http.ResponseWriter, c *call) {
	q, found := s.query(c.URL, "name", "limit", "enabled")
	limit := number(&found, q, "limit", maxLimit, 1, maxLimit)
	if v := q.Get("enabled"); q.Has("enabled") && v != "true" && v != "false" {
		found.add("enabled", "must be true or false")
	}
	if len(found) > 0 {
		invalid(w, found)
		return
	}
	list := []Account{}
	for _, a := range accounts() {
		wanted := strings.Contains(strings.ToLower(a.Name), strings.ToLower(q.Get("name"))) &&
			(!q.Has("enabled") || a.Enabled == (q.Get("enabled") == "true"))
		if wanted && int64(len(list)) < limit {
			list = append(list, a)
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"accounts": list})
}

// listKeys handles GET /settings/2/api-keys. It does not accept App
// authorization.
func (s *Server) listKeys(w http.ResponseWriter, c *call) {
	if c.form == schemeApp {
		status := http.StatusUnauthorized
		if s.readings.Is("api_keys_app", "403") {
			status = http.StatusForbidden
		}
		refuseNew(w, status, nil)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"results": []any{map[string]any{"id": "9f2c0b7e1d", "name": "simulator", "enabled": true}},
		"paging":  map[string]any{"page": 0, "size": 20, "totalPages": 1, "totalResults": 1},
	})
}
