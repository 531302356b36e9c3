// Command guest is the connector that the host's tests run. The endpoint's
// parameter `do` says what it does.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func init() { sdk.Register(sdk.Connector{Fetch: fetch, Invoke: invoke, Check: check}) }

func main() {}

func check(c *sdk.Call) error {
	resp, err := sdk.Retry(c, sdk.Request{Path: "/me"}, nil)
	if err != nil {
		return err
	}
	defer resp.Close()
	for _, n := range c.Needs() { // the test's right says what the check finds
		if n.Path == "/emit" {
			_, err := resp.Emit("/data", sdk.EmitOptions{})
			return err
		}
		f := abi.Finding{Use: n.Use, Right: n.Rights[0], State: abi.RightState(n.Rights[0]), Reason: resp.Text(100) + n.URL}
		times, _ := strconv.Atoi(n.Path)
		for range max(times, 1) {
			if err := c.Report(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// invoke does what the webhook's name says.
func invoke(c *sdk.Call) error {
	switch w := c.Webhook(); w.Name {
	case "again":
		return again(c)
	case "silent":
		return nil
	case "probe":
		return probe(c)
	case "macro":
		text, err := c.Macro(w.Body, abi.PlaceQuery)
		if err != nil {
			return err
		}
		w.Path, w.Body, w.MessageType = "/macro?q="+text, "", abi.MessageNone
		resp, err := c.Send(sdk.WebhookRequest(w))
		if err != nil {
			return err
		}
		defer resp.Close()
		return resp.Respond()
	case "replace":
		for range 3 {
			resp, err := c.Send(sdk.WebhookRequest(w))
			if err != nil {
				return err
			}
			if err := resp.Respond(); err != nil {
				return err
			}
			resp.Close()
		}
		return nil
	}
	return sdk.Deliver(c, nil)
}

func fetch(c *sdk.Call) error {
	switch do := c.Endpoint().Params["do"]; do {
	case "again":
		calls++
		_, err := c.EmitRecords(fmt.Appendf(nil, `[{"id":%d}]`, calls))
		return err
	case "":
		return sdk.Pages(c, sdk.Classify)
	case "loop":
		for i := 0; ; i++ {
			spin(i)
		}
	case "panic":
		var m map[string]int
		m["x"] = 1
	case "exit":
		os.Exit(3)
	case "deadlock":
		select {}
	case "grow":
		var all [][]byte
		for {
			all = append(all, make([]byte, 1<<20))
			spin(len(all))
		}
	case "flood":
		for i := range 5_000 {
			fmt.Fprintln(os.Stderr, "line", i)
			c.Logf(abi.LevelInfo, "line %d", i)
		}
	case "chatter":
		for {
			c.Logf(abi.LevelInfo, "still here")
		}
	case "sleep":
		time.Sleep(time.Hour)
	case "wait":
		return c.Wait(time.Hour)
	case "silent-failure":
		return sdk.Errorf(abi.KindForbidden, "%s\nsecond line %s", "no\x01access", c.Setting("region"))
	case "ignore-emit":
		return ignoreEmit(c)
	case "leak":
		return leak(c)
	case "restless":
		return restless(c, nil)
	case "restless-deaf":
		_ = restless(c, nil)
		_ = restless(c, nil)
		return nil
	case "restless-batches":
		return restless(c, func() error {
			_, err := c.EmitRecords([]byte(`[{"id":1}]`))
			return err
		})
	case "silent-batches":
		for {
			if _, err := c.EmitRecords([]byte(`[]`)); err != nil {
				return err
			}
		}
	case "photos":
		return photos(c)
	case "many":
		return many(c)
	case "look":
		return look(c)
	case "parse":
		return parse(c)
	case "probe":
		return probe(c)
	case "system":
		return system(c)
	case "changes":
		return changes(c)
	case "macro":
		return rendered(c)
	case "macro-endless":
		for {
			_, _ = c.Macro("plain", abi.PlaceNone)
		}
	case "macro-many":
		for {
			if _, err := c.Macro("x", abi.PlaceNone); err != nil {
				return err
			}
		}
	}
	return nil
}

// restless sends requests again and again, calls between after each, and ends
// with the first error.
func restless(c *sdk.Call, between func() error) error {
	for i := 0; ; i++ {
		resp, err := c.Send(sdk.Request{Path: "/users", Query: map[string]string{"i": fmt.Sprint(i)}})
		if err != nil {
			return err
		}
		resp.Close()
		if between == nil {
			continue
		}
		if err := between(); err != nil {
			return err
		}
	}
}

// photos asks for something about each of many records that it has delivered
// before, like a connector for an API without a list of photos.
func photos(c *sdk.Call) error {
	for i := range 1_500 {
		resp, err := c.Send(sdk.Request{Path: "/users", Query: map[string]string{"i": fmt.Sprint(i)}})
		if err != nil {
			return err
		}
		if i%3 == 0 {
			err = resp.Attach(fmt.Sprint(i), "photo")
		}
		resp.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// changes delivers records in every possible way, and fails when its parameter
// says so.
func changes(c *sdk.Call) error {
	cursor, err := c.Cursor()
	if err != nil {
		return err
	}
	resp, err := c.Send(sdk.Request{Path: "/users", Query: map[string]string{"since": cursor}, Cost: 3})
	if err != nil {
		return err
	}
	defer resp.Close()
	if _, err := resp.Emit("/users", sdk.EmitOptions{Keyed: true}); err != nil {
		return err
	}
	if _, err := resp.Emit("/more/list", sdk.EmitOptions{Record: "/user"}); err != nil {
		return err
	}
	if err := c.EmitDeleted("gone"); err != nil {
		return err
	}
	size, err := resp.Size()
	if err != nil {
		return err
	}
	if err := resp.Attach("17", "photo"); err != nil {
		return err
	}
	if err := c.SetCursor(fmt.Sprint(cursor, "+", size)); err != nil {
		return err
	}
	if c.Endpoint().Params["fail"] != "" {
		return sdk.Errorf(abi.KindUnavailable, "as asked")
	}
	return nil
}

var sink int

func spin(i int) { sink += i }

// ignoreEmit reports success although a delivery failed.
func ignoreEmit(c *sdk.Call) error {
	resp, err := c.Send(sdk.Request{Path: "/users"})
	if err != nil {
		return err
	}
	_, _ = resp.Emit("/data", sdk.EmitOptions{})
	return nil
}

// leak opens responses until the host refuses.
func leak(c *sdk.Call) error {
	for {
		if _, err := c.Send(sdk.Request{Path: "/users"}); err != nil {
			return err
		}
	}
}

// many sends a great number of requests, one after the other.
func many(c *sdk.Call) error {
	for i := range 1_000 {
		resp, err := c.Send(sdk.Request{Path: "/users", Query: map[string]string{"page": fmt.Sprint(i)}})
		if err != nil {
			return err
		}
		if _, err := resp.GetText("/success"); err != nil {
			return err
		}
		_ = resp.Text(64 << 10)
		resp.Close()
	}
	return nil
}

// parse does what a connector should leave to the host: it reads a whole body
// and decodes it. It emits one record with the number of users.
func parse(c *sdk.Call) error {
	resp, err := c.Send(sdk.Request{Path: "/users"})
	if err != nil {
		return err
	}
	defer resp.Close()
	size, err := resp.Size()
	if err != nil {
		return err
	}
	body := make([]byte, size)
	if _, err := resp.Read(0, body); err != nil {
		return err
	}
	var doc struct {
		Data []struct {
			ID    int     `json:"id"`
			Name  string  `json:"name"`
			Email string  `json:"email"`
			Phone *string `json:"phone"`
			Value string  `json:"field_01"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return err
	}
	if len(doc.Data) == 0 {
		return sdk.Errorf(abi.KindBadResponse, "nobody is there")
	}
	_, err = c.EmitRecords(fmt.Appendf(nil, `[{"id":%d}]`, len(doc.Data)))
	return err
}

// rendered emits, as one record, what became of a template.
func rendered(c *sdk.Call) error {
	record := map[string]any{"id": 1}
	text, err := c.Macro(c.Endpoint().Params["template"], abi.PlaceNone)
	if record["text"] = text; err != nil {
		record["error"] = err.Error()
	}
	out, err := json.Marshal([]any{record})
	if err != nil {
		return err
	}
	_, err = c.EmitRecords(out)
	return err
}

// look emits, as one record, what a connector can see of an answer.
func look(c *sdk.Call) error {
	resp, err := c.Send(sdk.Request{
		Method: "POST", Path: "/echo?a=1", Query: map[string]string{"b": "2 3"},
		Headers: map[string]string{"X-Mine": "yes"}, Body: `{"q":1}`,
	})
	if err != nil {
		return err
	}
	defer resp.Close()
	rec := map[string]any{
		"id": 1, "status": resp.Status(), "header": resp.Header("x-answer"), "none": resp.Header("x-none"),
		"text": resp.Text(1 << 16), "application": c.Application(), "region": c.Setting("region"), "limit": c.Setting("limit"),
		"env": os.Environ(), "args": len(os.Args),
	}
	out, err := json.Marshal([]any{rec})
	if err != nil {
		return err
	}
	_, err = c.EmitRecords(out)
	return err
}
