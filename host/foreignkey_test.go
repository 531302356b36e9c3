package host_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestAKeyThatIsNotTheAPIsOwn uses a field other than the API's key. Then a
// member's name is no key, and a report by the API's own key is refused,
// because it could concern somebody else.
func TestAKeyThatIsNotTheAPIsOwn(t *testing.T) {
	f := share(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"users":{"17":{"a":"x"},"18":{"id":"own"}},"more":{"list":[]}}`)
	}))
	records, _, err := f.fetch(t.Context(), "changes", func(c *abi.FetchCall) { c.Endpoint.Key = "/a" })
	failed := asCallError(t, err)
	if failed.Kind != abi.KindConfig || !strings.Contains(err.Error(), "reports the deletion of the record with a key that is /id by its manifest, and records are told apart by /a") {
		t.Errorf("a deletion by the API's own key: %v", err)
	}
	if !strings.Contains(failed.Next, `primary_key = "id"`) {
		t.Errorf("next: %q", failed.Next)
	}
	if len(records) != 2 || records[0].Key != "x" || records[1].Key != "" || records[1].Problem == "" {
		t.Errorf("the name of a member is taken for the key: %+v", records)
	}
}
