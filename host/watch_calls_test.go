package host_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rollcall-agent/rollcall/host"
)

// TestCallsUnderWayEndOnTheOldVersion replaces and removes a connector in the
// middle of a call.
func TestCallsUnderWayEndOnTheOldVersion(t *testing.T) {
	t.Parallel()
	asked, goOn := make(chan struct{}, 2), make(chan struct{})
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-goOn
		answer(`{"data":[{"id":1},{"id":2}]}`)(w, nil)
	}))
	l := watch(t, unsigned, map[string][]byte{"guest.wasm": embedded(t, manifest)})
	c, err := l.host.Connector("guest")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	slow := func() {
		wg.Go(func() {
			if records, err := call(t, c, url); err != nil || len(records) != 2 {
				t.Errorf("the call under way: %d records, %v", len(records), err)
			}
		})
		<-asked
	}
	slow()
	l.rename("guest.wasm", named("guest", "1.3.0"))
	l.until("guest.wasm", host.Serving, "1.3.0")
	if records, err := call(t, c, url); err != nil || len(records) != 0 {
		t.Errorf("a new call goes to the old version: %d records, %v", len(records), err)
	}
	l.rename("guest.wasm", embedded(t, strings.Replace(manifest, "1.2.3", "1.4.0", 1)))
	l.until("guest.wasm", host.Serving, "1.4.0")
	slow()
	l.remove("guest.wasm")
	l.until("guest.wasm", "", "")
	close(goOn)
	wg.Wait()
}

// TestCallsDoNotNoticeReplacements calls all the time while versions change.
func TestCallsDoNotNoticeReplacements(t *testing.T) {
	t.Parallel()
	l := watch(t, unsigned, map[string][]byte{"guest.wasm": named("guest", "1.0.0")})
	c, err := l.host.Connector("guest")
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var calls atomic.Int64
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := call(t, c, nowhere); err != nil {
					t.Error(err)
					return
				}
				calls.Add(1)
			}
		})
	}
	for i := range 6 {
		version := fmt.Sprintf("1.%d.0", i+1)
		l.rename("guest.wasm", named("guest", version))
		l.until("guest.wasm", host.Serving, version)
	}
	close(stop)
	wg.Wait()
	t.Logf("%d calls", calls.Load())
}
