package receiver

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/rescue"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// future is how far the clock of an application may be ahead.
const future = 5 * time.Minute

// verdict is what becomes of a request.
type verdict struct {
	status int
	result string
	text   string // for the application's people, who see the answer
	cause  string // for the log; "" logs nothing
	next   string
	level  slog.Level
}

// ServeHTTP takes one delivery.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	app, found := r.find(req.URL.Path)
	v := verdict{status: http.StatusNotFound, result: ResultNotFound, text: "not found"}
	if found {
		err := rescue.Do(r.Log, func() error { v = r.take(w, req, app); return nil }, "application", app.Name)
		if err != nil {
			v = verdict{status: http.StatusInternalServerError, result: ResultUnavailable, text: "internal error"}
		}
	}
	r.Observer.Received(app.Name, v.result)
	if v.cause != "" && r.quiet.may(app.Name+" "+v.result) {
		r.Log.Log(req.Context(), v.level, "a delivery of an application was not used", "application", app.Name, "result", v.result,
			"cause", v.cause, "next", v.next)
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	switch v.status {
	case http.StatusOK:
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "5")
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodPost)
	case http.StatusUnauthorized:
		if app.Receiver.Auth.Kind == abi.ReceiverBasic {
			h.Set("WWW-Authenticate", `Basic realm="rollcall"`)
		}
	}
	if v.status != http.StatusOK {
		h.Set("Connection", "close") // the rest of the body is not read
		// The server would wait for it. An error means that there is no deadline to set, as in a test.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(r.limits.linger))
	}
	w.WriteHeader(v.status)
	_, _ = io.WriteString(w, v.text+"\n")
}

// find returns the application at a path. A proxy in front may have removed the
// path of URL.
func (r *Receiver) find(path string) (Application, bool) {
	if r.prefix != "" {
		if rest, ok := strings.CutPrefix(path, r.prefix+"/"); ok {
			path = "/" + rest
		}
	}
	for _, app := range r.Applications.All() {
		if path == "/"+app.Name+app.Receiver.Path || app.Unserved && strings.HasPrefix(path, "/"+app.Name+"/") {
			return app, true
		}
	}
	return Application{}, false
}

// take judges a request. The credentials come before everything that costs
// something.
func (r *Receiver) take(w http.ResponseWriter, req *http.Request, app Application) verdict {
	if app.Unserved {
		return verdict{
			status: http.StatusServiceUnavailable, result: ResultUnavailable, text: "not ready", level: slog.LevelWarn,
			cause: "its connector does not serve", next: "look why: `rollcall connectors`; the application repeats what it sends",
		}
	}
	if req.Method != http.MethodPost {
		return verdict{status: http.StatusMethodNotAllowed, result: ResultBad, text: "POST only"}
	}
	known, err := r.secrets.of(req.Context(), app)
	if err != nil {
		return noSecret(err.Error())
	}
	auth := app.Receiver.Auth
	if !genuine(auth, app.Username, known.secret, req.Header) {
		return unauthorized(app, known)
	}
	if auth.Kind != abi.ReceiverHMAC {
		proven(req.Context())
	}
	body, release, v := r.body(w, req, app)
	if v.status != 0 {
		return v
	}
	passed := false // to keep, which gives the memory back
	defer func() {
		if !passed {
			release()
		}
	}()
	if auth.Kind == abi.ReceiverHMAC {
		if !signed(auth, known.secret, req.Header, body) {
			return unauthorized(app, known)
		}
		proven(req.Context())
	}
	d, v := r.judge(app, req.Header, body)
	if v.status != 0 {
		return v
	}
	passed = true
	return r.keep(req.Context(), app, d, body, release)
}

// noSecret is the verdict while the secret of the application is not known.
func noSecret(cause string) verdict {
	return verdict{
		status: http.StatusServiceUnavailable, result: ResultUnavailable, text: "not ready", level: slog.LevelError,
		cause: cause, next: "the application repeats it; what is lost is found by the next run by the schedule",
	}
}

// unauthorized is the verdict on credentials that do not fit what is known.
func unauthorized(app Application, known readSecret) verdict {
	if known.again {
		return noSecret("the credentials are not those known so far, and the password or secret of the receiver is still being read again")
	}
	next := "compare username and password in [applications." + app.Name + ".receiver] with those at the application"
	if app.Receiver.Auth.Kind != abi.ReceiverBasic {
		next = "compare secret in [applications." + app.Name + ".receiver] with that at the application"
	}
	return verdict{
		status: http.StatusUnauthorized, result: ResultUnauthorized, text: "wrong credentials", level: slog.LevelWarn,
		cause: "wrong or no credentials: somebody else, or the application has others", next: next,
	}
}

// body reads the body of a request that genuine has let through. A signature can be
// checked only with the whole body; until then the body takes memory of its application
// alone.
func (r *Receiver) body(w http.ResponseWriter, req *http.Request, app Application) ([]byte, func(), verdict) {
	kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return nil, nil, bad(http.StatusUnsupportedMediaType, "application/json only")
	}
	if enc := req.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return nil, nil, bad(http.StatusUnsupportedMediaType, "no content encoding")
	}
	large := verdict{
		status: http.StatusRequestEntityTooLarge, result: ResultLarge, text: "too large", level: slog.LevelWarn,
		cause: "it is larger than max_body_kib of [receiver]", next: "raise max_body_kib if the application sends such deliveries",
	}
	if req.ContentLength > r.MaxBody {
		return nil, nil, large
	}
	reserve := r.MaxBody
	if req.ContentLength >= 0 {
		reserve = req.ContentLength
	}
	release, ok := r.memory.take(app.Name, reserve)
	if !ok {
		return nil, nil, verdict{status: http.StatusServiceUnavailable, result: ResultFull, text: "busy"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, r.MaxBody))
	if err == nil {
		return body, release, verdict{}
	}
	release()
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, nil, large
	}
	return nil, nil, bad(http.StatusBadRequest, "the body did not arrive")
}

func bad(status int, text string) verdict {
	return verdict{
		status: status, result: ResultBad, text: text, level: slog.LevelWarn, cause: text,
		next: "look whether the subscription at the application is of the form that its connector knows (`rollcall connectors`)",
	}
}

// judge reads a delivery and says whether it is used.
func (r *Receiver) judge(app Application, h http.Header, body []byte) (delivery, verdict) {
	d, err := parse(app.Receiver, body)
	if err == nil && app.Receiver.Auth.Timestamp != "" {
		stamp := h.Get(app.Receiver.Auth.Timestamp)
		if d.unnamed && app.Receiver.Time == "" { // nothing in the body tells one delivery from another
			d.id = deliveryID("", slices.Concat([]byte(stamp+"\n"), body))
		}
		var sent time.Time
		if sent, err = parseTime(stamp); err == nil && (d.at.IsZero() || sent.Before(d.at)) {
			d.at = sent
		}
	}
	if err != nil {
		return d, bad(http.StatusBadRequest, err.Error())
	}
	unused := func(result, cause string) verdict {
		return verdict{
			status: http.StatusOK, result: result, text: "not used", level: slog.LevelWarn, cause: cause,
			next: "subscribe at the application to what the connector knows only (`rollcall connectors`)",
		}
	}
	if d.odd != "" {
		return d, unused(ResultUnknown, "at "+d.odd+" stands something else than the connector expects")
	}
	if _, known := app.Receiver.About(d.records); !known {
		return d, unused(ResultUnknown, "the connector does not know this kind of records")
	}
	switch app.Receiver.Takes(d.kind) {
	case abi.Ignored:
		return d, verdict{status: http.StatusOK, result: ResultIgnored, text: "not used"}
	case abi.Unknown:
		return d, unused(ResultUnknown, "the connector does not know this kind of change")
	case abi.Taken:
	}
	return d, r.timely(d)
}

// timely refuses what is too old, which somebody may have recorded, or from the
// future, which could be repeated for long.
func (r *Receiver) timely(d delivery) verdict {
	const clocks = "compare the clock of this machine with the real time"
	switch age := r.Now().Sub(d.at); {
	case d.at.IsZero():
	case age > r.MaxAge:
		return verdict{
			status: http.StatusForbidden, result: ResultOld, text: "too old", level: slog.LevelWarn,
			cause: "it tells of something " + age.Round(time.Second).String() + " ago, and max_age of [receiver] is " + r.MaxAge.String(),
			next:  clocks + "; the next run by the schedule finds what it told of",
		}
	case age < -future:
		return verdict{
			status: http.StatusForbidden, result: ResultFuture, text: "from the future", level: slog.LevelWarn,
			cause: "it tells of something in " + (-age).Round(time.Second).String(), next: clocks,
		}
	}
	return verdict{}
}

// keep stores a delivery. Only what is on disk is answered with success.
func (r *Receiver) keep(ctx context.Context, app Application, d delivery, body []byte, release func()) verdict {
	ctx, cancel := context.WithTimeout(ctx, r.limits.answer)
	defer cancel()
	kept, err := r.keeper.keep(ctx, store.NewReceipt{
		Application: app.Name, Delivery: d.id, Kind: d.kind, Records: d.records, Key: d.key, Body: body,
	}, release)
	switch {
	case err != nil:
		return verdict{
			status: http.StatusServiceUnavailable, result: ResultUnavailable, text: "not stored", level: slog.LevelWarn,
			cause: "it could not be stored in time: " + err.Error(),
			next:  "the application repeats it; what is lost is found by the next run by the schedule",
		}
	case kept == store.KeptNot:
		return verdict{
			status: http.StatusServiceUnavailable, result: ResultFull, text: "too many are waiting", level: slog.LevelWarn,
			cause: "too many deliveries wait for runs", next: "look at the runs of its automations: `rollcall runs`",
		}
	case kept == store.KeptKnown:
		return verdict{status: http.StatusOK, result: ResultRepeated, text: "known"}
	}
	r.Wake()
	return verdict{status: http.StatusOK, result: ResultStored, text: "ok"}
}

// quiet lets each thing be logged once a minute, so that nobody fills the log from
// outside.
type quiet struct {
	now func() time.Time
	mu  sync.Mutex
	at  map[string]time.Time
}

func (q *quiet) may(what string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	if last, ok := q.at[what]; ok && now.Sub(last).Abs() < time.Minute {
		return false
	}
	if q.at == nil {
		q.at = map[string]time.Time{}
	}
	q.at[what] = now
	return true
}
