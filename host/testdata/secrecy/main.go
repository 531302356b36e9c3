// Command secrecy is a connector that tries to learn secrets. It reads and
// keeps all that a reflecting server answers, in every way that the host
// offers, and then reveals its whole memory. The endpoint's parameter `do` says
// what it does.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func init() { sdk.Register(sdk.Connector{Fetch: fetch, Invoke: invoke, Check: check}) }

func main() {}

// kept is everything that was read, kept alive.
var kept []string

func keep(texts ...string) { kept = append(kept, texts...) }

// secrets are the names in the manifest.
var secrets = []string{"signing", "pin"}

func fetch(c *sdk.Call) error {
	p := c.Endpoint().Params
	switch p["do"] {
	case "fail":
		return failing(c)
	case "panic":
		panic(everything(c))
	case "broken":
		return broken(c)
	case "replay":
		return replay(c)
	}
	return spy(c)
}

// check fails with what the server said.
func check(c *sdk.Call) error {
	_, err := sdk.Retry(c, sdk.Request{Path: "/error"}, nil)
	return err
}

// invoke answers with a reflection.
func invoke(c *sdk.Call) error {
	if c.Webhook().Name == "replay" { // with what the call before in this instance was given
		for _, mark := range lastMarks {
			_, err := c.Send(sdk.Request{Path: "/headers/" + mark, Headers: map[string]string{"X-Mark": mark}})
			c.Logf(abi.LevelInfo, "a placeholder of the call before: %v", err)
		}
	}
	marks, err := placeholders(c)
	if err != nil {
		return err
	}
	lastMarks = marks
	req := sdk.WebhookRequest(c.Webhook())
	req.Headers = map[string]string{"X-Mark": marks[0], "X-Other": marks[1]}
	resp, err := c.Send(req)
	if err != nil {
		return err
	}
	read(c, resp)
	return resp.Respond()
}

// lastMarks are the placeholders of the last invoke of this instance.
var lastMarks []string

func placeholders(c *sdk.Call) ([]string, error) {
	var marks []string
	for _, name := range secrets {
		mark, err := c.Secret(name)
		if err != nil {
			return nil, err
		}
		marks = append(marks, mark)
		for _, a := range []abi.Algorithm{abi.HMACSHA256, abi.HMACSHA512, abi.HMACSHA1} {
			digest, err := c.HMAC(name, a, []byte("data"))
			if err != nil {
				return nil, err
			}
			keep(string(digest))
		}
	}
	return marks, nil
}

// spy requests an answer of each way in each form.
func spy(c *sdk.Call) error {
	p := c.Endpoint().Params
	// Before this call has used any secret, the server reveals those of earlier
	// calls.
	if err := ask(c, sdk.Request{Path: "/json/before", Auth: abi.NoAuth}); err != nil {
		return err
	}
	if err := macros(c); err != nil {
		return err
	}
	marks, err := placeholders(c)
	if err != nil {
		return err
	}
	for _, way := range strings.Split(p["ways"], " ") {
		for _, req := range forms(way, marks) {
			if err := ask(c, req); err != nil {
				return fmt.Errorf("%s: %w", way, err)
			}
		}
	}
	for _, way := range strings.Split(p["broken"], " ") {
		for n := range 12 {
			req := sdk.Request{Path: "/" + way + "/" + marks[0], Query: map[string]string{"n": fmt.Sprint(n), "x": marks[1]}}
			if resp, err := c.Send(req); err == nil {
				read(c, resp)
				resp.Close()
				return fmt.Errorf("%s: an answer, and an error was expected", way)
			} else {
				keep(err.Error())
				c.Logf(abi.LevelError, "%v", err)
			}
		}
	}
	if err := c.SetCursor(strings.Join(marks, " ")); err != nil {
		return err
	}
	if _, err := c.EmitRecords([]byte(fmt.Sprintf(`[{"id":"kept","texts":%d}]`, len(kept)))); err != nil {
		return err
	}
	return giveAway(c)
}

// macros renders every template of the test, each at every place. All of them
// hold a secret.
func macros(c *sdk.Call) error {
	for n := range 8 {
		for _, place := range abi.Places() {
			text, err := c.Macro(fmt.Sprint(n), place)
			keep(text, fmt.Sprint(err))
			if !errors.Is(err, abi.CodeRefused) && !errors.Is(err, abi.CodeInput) {
				return fmt.Errorf("template %d at place %s gave %d bytes, %w", n, place, len(text), err)
			}
		}
	}
	return nil
}

// forms returns requests with placeholders wherever one can stand.
func forms(way string, marks []string) []sdk.Request {
	a, b := marks[0], marks[1]
	post := func(kind, body string) sdk.Request {
		return sdk.Request{Method: abi.MethodPost, Path: "/" + way, Headers: map[string]string{"Content-Type": kind}, Body: body}
	}
	asJSON, _ := json.Marshal(map[string]any{"a": a, "list": []string{b, "with " + a + " and " + b}})
	return []sdk.Request{
		{Path: "/" + way + "/bare"},
		{
			Path: "/" + way + "/" + a + "/" + b, Query: map[string]string{"a": a, "b": "x" + b + "y"},
			Headers: map[string]string{"X-Mark": a, "X-Other": "Key " + b},
		},
		post("application/json", string(asJSON)),
		post("application/x-www-form-urlencoded", "a="+a+"&b="+b),
		post("application/xml", `<a b="`+a+`">`+b+`</a>`),
		post("text/plain", a+" "+b),
	}
}

// ask sends a request and reads the answer in every way.
func ask(c *sdk.Call, req sdk.Request) error {
	resp, err := c.Send(req)
	if err != nil {
		return err
	}
	defer resp.Close()
	read(c, resp)
	if strings.HasPrefix(req.Path, "/records") {
		if _, err := resp.Emit("/data", sdk.EmitOptions{}); err != nil {
			return err
		}
		if _, err := resp.Emit("/keyed", sdk.EmitOptions{Keyed: true}); err != nil {
			return err
		}
	}
	if strings.HasPrefix(req.Path, "/text") || strings.HasPrefix(req.Path, "/gzip") {
		text := resp.Text(abi.MaxKeySize)
		if err := c.EmitDeleted(text); err != nil {
			return err
		}
		return resp.Attach("r1", "photo")
	}
	return nil
}

var names = []string{"Set-Cookie", "Location", "WWW-Authenticate", "X-All", "Link", "X-Canary", "Content-Type", "Trailer"}

// read keeps all parts of an answer.
func read(c *sdk.Call, resp *sdk.Response) {
	buf := make([]byte, 4<<10)
	var body strings.Builder
	for at := int64(0); ; {
		n, err := resp.Read(at, buf)
		if err != nil || n == 0 {
			break
		}
		body.Write(buf[:n])
		at += int64(n)
	}
	keep(body.String())
	for _, name := range names {
		keep(resp.Header(name))
	}
	for i := 0; resp.Header(fmt.Sprintf("X-Plain-%d", i)) != ""; i++ {
		for _, name := range []string{"Plain", "Base64", "Percent", "Hex"} {
			keep(resp.Header(fmt.Sprintf("X-%s-%d", name, i)))
		}
	}
	whole, err := resp.Get("")
	if err != nil {
		keep(err.Error())
	}
	keep(string(whole))
	for i := 0; ; i++ {
		text, err := resp.GetText(fmt.Sprintf("/facts/%d", i))
		if err != nil || text == "" {
			break
		}
		keep(text)
	}
	for _, line := range strings.Split(body.String(), "\n") {
		c.Logf(abi.LevelDebug, "%s", line)
	}
}

// everything returns a server's answer to placeholders in all places.
func everything(c *sdk.Call) string {
	marks, err := placeholders(c)
	if err != nil {
		return err.Error()
	}
	resp, err := c.Send(sdk.Request{Path: "/error/" + marks[0], Headers: map[string]string{"X-Mark": marks[1]}})
	if err != nil {
		return err.Error()
	}
	return resp.Text(4 << 10)
}

func failing(c *sdk.Call) error { return sdk.Errorf(abi.KindForbidden, "%s", everything(c)) }

// broken delivers an answer that breaks off: the host's own error describes it.
func broken(c *sdk.Call) error {
	resp, err := c.Send(sdk.Request{Path: "/error"})
	if err != nil {
		return err
	}
	text := resp.Text(1 << 20)
	_, err = c.EmitRecords([]byte("[" + text + "," + strings.TrimPrefix(text, "{")))
	if err == nil {
		return errors.New("broken JSON was taken")
	}
	keep(err.Error())
	return err
}

// replay uses the placeholders of an earlier call, and sends this call's
// placeholders where they may not go. It emits the errors.
func replay(c *sdk.Call) error {
	old, err := c.Cursor()
	if err != nil {
		return err
	}
	now, err := placeholders(c)
	if err != nil {
		return err
	}
	say := func(req sdk.Request) string {
		resp, err := c.Send(req)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(resp.Status(), " ", resp.Text(4<<10))
	}
	rec := map[string]any{"id": "replay"}
	for i, mark := range strings.Split(old, " ") {
		rec[fmt.Sprint("header ", i)] = say(sdk.Request{Path: "/json", Headers: map[string]string{"X-Mark": mark}})
		rec[fmt.Sprint("path ", i)] = say(sdk.Request{Path: "/json/" + mark})
		rec[fmt.Sprint("body ", i)] = say(sdk.Request{Method: "POST", Path: "/json", Body: mark})
	}
	rec["elsewhere"] = say(sdk.Request{URL: c.Endpoint().Params["elsewhere"], Auth: abi.NoAuth, Headers: map[string]string{"X-Mark": now[0]}})
	out, err := json.Marshal([]any{rec})
	if err != nil {
		return err
	}
	_, err = c.EmitRecords(out)
	return err
}
