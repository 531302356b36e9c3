package host_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// notes is a Ledger in memory.
type notes struct {
	mu    sync.Mutex
	texts map[string]string
}

func (n *notes) Load(_ context.Context, application string) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.texts[application], nil
}

func (n *notes) Save(_ context.Context, application, text string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.texts == nil {
		n.texts = map[string]string{}
	}
	n.texts[application] = text
	return nil
}

// TestBudgetSurvivesARestart: the next process knows what was spent, and why
// nothing is sent, without asking the application.
func TestBudgetSurvivesARestart(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		fmt.Fprint(w, `{"data":[{"id":1}]}`)
	})
	ledger := &notes{}
	for run, want := range []int32{2, 3, 3} {
		f := start(t, host.Settings{Ledger: ledger}, server)
		f.app.DailyBudget = 3
		ctx, cancel := context.WithTimeout(t.Context(), soak.Patience)
		var last error
		for range 2 {
			_, _, last = f.fetch(ctx, "", nil)
		}
		cancel()
		if asked.Load() != want {
			t.Errorf("run %d: asked %d times, want %d", run, asked.Load(), want)
		}
		if run == 0 {
			if last != nil {
				t.Error(last)
			}
			continue
		}
		if e := asCallError(t, last); e.Kind != abi.KindRateLimited || !strings.Contains(e.Message, "the daily budget of 3 tokens 3 are used up") {
			t.Errorf("run %d: %s: %s", run, e.Kind, e.Message)
		}
		other := f
		other.app.Name = "other"
		if _, _, err := other.fetch(t.Context(), "", nil); err != nil {
			t.Errorf("another application: %v", err)
		}
		asked.Add(-1)
	}
}

// TestAnApplicationThatAsksToBeLeftAlone checks that all calls keep to a pause,
// also after a restart.
func TestAnApplicationThatAsksToBeLeftAlone(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Retry-After", "1800")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	ledger := &notes{}
	for range 2 {
		f := start(t, host.Settings{Ledger: ledger}, server)
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			_, _, err := f.fetch(ctx, "", func(c *abi.FetchCall) { c.Retry.Attempts = 1 })
			cancel()
			if e := asCallError(t, err); e.Kind != abi.KindRateLimited {
				t.Errorf("%s: %s", e.Kind, e.Message)
			}
		}
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}

// TestReflectedCredentials: the guest looks at all that it can of an answer
// that holds the credentials in many forms.
func TestReflectedCredentials(t *testing.T) {
	const secret = "secret-api-token"
	f := share(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		token := r.Header.Get("X-Api-Token")
		w.Header().Set("X-Answer", token+" "+base64.StdEncoding.EncodeToString([]byte("me:"+token)))
		fmt.Fprintf(w, "%s %s %x %s", body, token, token, base64.URLEncoding.EncodeToString([]byte(token)))
	}))
	records, _, err := f.fetch(t.Context(), "look", nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := fmt.Sprint(records)
	t.Log(seen)
	for _, form := range []string{secret, fmt.Sprintf("%x", secret), base64.StdEncoding.EncodeToString([]byte("xx:" + secret))[5:20], base64.StdEncoding.EncodeToString([]byte(secret))[:10]} {
		if strings.Contains(seen, form) {
			t.Errorf("the guest sees %q", form)
		}
	}
	if !strings.Contains(seen, "****************") {
		t.Errorf("nothing was reflected: %s", seen)
	}
}

// TestConnectionsOutliveCalls of one application.
func TestConnectionsOutliveCalls(t *testing.T) {
	var mu sync.Mutex
	from := map[string]int{}
	f := share(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		from[r.RemoteAddr]++
		mu.Unlock()
		fmt.Fprint(w, `{"data":[]}`)
	}))
	for _, name := range []string{"one", "one", "two", "one", "two"} {
		f.app.Name = name
		if _, _, err := f.fetch(t.Context(), "", nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(from) != 2 {
		t.Errorf("two applications used %d connections", len(from))
	}
}

func TestProxyOfAnApplication(t *testing.T) {
	f := share(t, answer(`{"data":[]}`))
	f.app.Proxy = "http://me:proxy-pass-word@127.0.0.1:1"
	_, _, err := f.fetch(t.Context(), "", func(c *abi.FetchCall) { c.Retry.Attempts = 1 })
	if e := asCallError(t, err); e.Kind != abi.KindUnavailable || !strings.Contains(e.Message, "proxyconnect") || strings.Contains(e.Message, "proxy-pass") {
		t.Errorf("%s: %s", e.Kind, e.Message)
	}
	f.app.Proxy = "direct"
	if _, _, err := f.fetch(t.Context(), "", nil); err != nil {
		t.Error(err)
	}
	f.app.Proxy = "ftp://x"
	_, _, err = f.fetch(t.Context(), "", nil)
	if e := asCallError(t, err); e.Kind != abi.KindConfig || !strings.Contains(e.Message, "proxy: it must be") {
		t.Errorf("%s: %s", e.Kind, e.Message)
	}
}

// held is less than the time after which the request of a dead server ends.
const held = 20 * time.Second

// TestConnectorsDoNotHoldUpEachOther fetches through a guest while the guests
// of other applications wait for a dead server, a dripping one, and one that
// answers 429.
func TestConnectorsDoNotHoldUpEachOther(t *testing.T) {
	stop := make(chan struct{})
	f := start(t, host.Settings{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("as") {
		case "dead":
			<-stop
		case "dripping":
			for r.Context().Err() == nil {
				fmt.Fprint(w, " ")
				_ = http.NewResponseController(w).Flush()
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
				}
			}
		case "flooding":
			w.Header().Set("X-RateLimit-Reset", "0.01")
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			fmt.Fprint(w, `{"data":[{"id":1},{"id":2}]}`)
		}
	}))
	rounds := soak.Size(20, 40)
	measure := func() (quick, median time.Duration) {
		var all []time.Duration
		for range rounds {
			begin := time.Now()
			if records, _, err := f.fetch(t.Context(), "", nil); err != nil || len(records) != 2 {
				t.Fatal(len(records), err)
			}
			all = append(all, time.Since(begin))
		}
		slices.Sort(all)
		t.Log("10 %", all[rounds/10], "median", all[rounds/2], "90 %", all[rounds*9/10])
		return all[rounds/10], all[rounds/2]
	}
	alone, _ := measure()
	var done atomic.Bool
	var others sync.WaitGroup
	for _, name := range []string{"dead", "dripping", "flooding"} {
		other := f
		other.app.Name = name
		others.Go(func() {
			for !done.Load() {
				_, _, _ = other.fetch(t.Context(), "", func(c *abi.FetchCall) {
					c.Endpoint.Params, c.Retry.Attempts = map[string]string{"as": name}, 1
				})
			}
		})
	}
	together, median := measure()
	done.Store(true)
	close(stop)
	others.Wait()
	// The others take their share of a busy machine; they do not make it wait.
	if together > 10*alone+100*time.Millisecond {
		t.Errorf("a quick fetch takes %s alone and %s beside the others", alone, together)
	}
	if median > held {
		t.Errorf("every other fetch took %s beside the others", median)
	}
}
