package abi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func good() abi.Manifest {
	m := abi.Manifest{
		Name: "acme", Version: "1.0.0", ABI: abi.Module, Title: "Acme", BaseURL: "https://api.acme.example/v1",
		Hosts: []string{"api.acme.example", "*.acme.example"}, RateLimit: "40/2s",
		Settings: []abi.Setting{{Name: "region", Default: "eu"}, {Name: "n", Type: abi.SettingInt, Required: true}},
		Auth: []abi.AuthProfile{
			{Kind: abi.AuthAPIKey, Header: "x-api-token", Prefix: "App "},
			{Kind: abi.AuthBasic},
			{Kind: abi.AuthBearer},
			{Kind: abi.AuthOAuth2, AuthURL: "https://o.acme.example/a", TokenURL: "http://127.0.0.1:8080/t", BasePath: "/api"},
		},
		Endpoints: []abi.Endpoint{
			{Name: "users", Path: "/users", Records: "/data", Key: "/id"},
			{Name: "search", Method: "POST", URL: "https://x.acme.example/s", Body: "{}", Key: "/a~1b/~0", Mode: abi.ModeChanges, Repeat: abi.Repeat{Style: abi.RepeatCursor, Param: "c", Next: "/next"}},
		},
		Attributes: []abi.Attribute{{Name: "id", Type: abi.TypeInt}, {Name: "Some Name", Type: abi.TypeObjects}},
		Cannot:     []abi.Limitation{{Operation: "delete", Reason: "no such call"}},
	}
	m.Normalize()
	return m
}

func TestValidate(t *testing.T) {
	if err := good().Validate(); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		change func(*abi.Manifest)
		want   string
	}{
		"name":          {func(m *abi.Manifest) { m.Name = "Acme" }, `name "Acme"`},
		"path in name":  {func(m *abi.Manifest) { m.Name = "../acme" }, `name "../acme"`},
		"version":       {func(m *abi.Manifest) { m.Version = "1.02.3" }, "MAJOR.MINOR.PATCH"},
		"abi":           {func(m *abi.Manifest) { m.ABI = "" }, "is not known"},
		"title":         {func(m *abi.Manifest) { m.Title = "" }, "title is missing"},
		"base url":      {func(m *abi.Manifest) { m.BaseURL = "http://api.acme.example" }, "is not https"},
		"user in url":   {func(m *abi.Manifest) { m.BaseURL = "https://a@api.acme.example" }, "holds a user"},
		"host scheme":   {func(m *abi.Manifest) { m.Hosts[0] = "https://x.y" }, "without scheme and port"},
		"host port":     {func(m *abi.Manifest) { m.Hosts[0] = "x.y:443" }, "without scheme and port"},
		"host wild":     {func(m *abi.Manifest) { m.Hosts[0] = "*.com" }, "whole top-level domain"},
		"host star":     {func(m *abi.Manifest) { m.Hosts[0] = "*" }, "without scheme and port"},
		"rate":          {func(m *abi.Manifest) { m.RateLimit = "40" }, "REQUESTS/DURATION"},
		"setting type":  {func(m *abi.Manifest) { m.Settings[0].Type = "float" }, `setting "region": type`},
		"setting value": {func(m *abi.Manifest) { m.Settings[0].Default = 1 }, "not of type string"},
		"setting both":  {func(m *abi.Manifest) { m.Settings[0].Required = true }, "required and has a default"},
		"setting twice": {func(m *abi.Manifest) { m.Settings[1].Name = "region" }, "used twice"},
		"auth kind":     {func(m *abi.Manifest) { m.Auth[1].Kind = "digest" }, "is not oauth2"},
		"auth header":   {func(m *abi.Manifest) { m.Auth[0].Header = "x y" }, "is not the name of a header"},
		"auth prefix":   {func(m *abi.Manifest) { m.Auth[0].Prefix = "a\r\nb" }, "line break"},
		"auth name":     {func(m *abi.Manifest) { m.Auth[0].Name = abi.NoAuth }, "used twice"},
		"token url":     {func(m *abi.Manifest) { m.Auth[3].TokenURL = "" }, "token_url"},
		"client auth":   {func(m *abi.Manifest) { m.Auth[3].ClientAuth = "jwt" }, "client_auth"},
		"method":        {func(m *abi.Manifest) { m.Endpoints[0].Method = "PUT" }, `endpoint "users": method`},
		"path and url":  {func(m *abi.Manifest) { m.Endpoints[0].URL = "https://x.acme.example" }, "exactly one of path and url"},
		"no slash":      {func(m *abi.Manifest) { m.Endpoints[0].Path = "users" }, "start with a slash"},
		"body of GET":   {func(m *abi.Manifest) { m.Endpoints[0].Body = "x" }, "body is set"},
		"header":        {func(m *abi.Manifest) { m.Endpoints[0].Headers = map[string]string{"a": "b\nc"} }, "one line of text"},
		"pointer":       {func(m *abi.Manifest) { m.Endpoints[0].Records = "data" }, "records: JSON pointer"},
		"tilde":         {func(m *abi.Manifest) { m.Endpoints[0].Key = "/a~" }, "written ~0"},
		"no key":        {func(m *abi.Manifest) { m.Endpoints[0].Key = "" }, "key is missing"},
		"mode":          {func(m *abi.Manifest) { m.Endpoints[0].Mode = "some" }, "is not full or changes"},
		"style":         {func(m *abi.Manifest) { m.Endpoints[0].Repeat.Style = "spiral" }, "repeat: style"},
		"cursor":        {func(m *abi.Manifest) { m.Endpoints[1].Repeat.Next = "" }, "needs param and next"},
		"limit":         {func(m *abi.Manifest) { m.Endpoints[0].Repeat.LimitParam = "n" }, "limit is not"},
		"attribute":     {func(m *abi.Manifest) { m.Attributes[0].Type = "text" }, `attribute "id": type`},
		"cannot":        {func(m *abi.Manifest) { m.Cannot[0].Reason = "" }, "operation and reason"},
	}
	for name, c := range cases {
		m := good()
		c.change(&m)
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseRateLimit(t *testing.T) {
	for text, want := range map[string]time.Duration{"40/2s": 2 * time.Second, "1/s": time.Second, "5/1m30s": 90 * time.Second, "9/h": time.Hour} {
		if _, per, err := abi.ParseRateLimit(text); err != nil || per != want {
			t.Errorf("%s: %s %v", text, per, err)
		}
	}
	for _, text := range []string{"", "1", "0/s", "-1/s", "x/s", "1/", "1/0s", "1/-1s", "1/x"} {
		if _, _, err := abi.ParseRateLimit(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{"127.0.0.1": true, "127.9.8.7": true, "localhost": true, "::1": true, "127.0.0.1.evil.org": false, "127.1": false, "127.0.0.256": false, "127.0.0.01": false, "128.0.0.1": false, "": false} {
		if abi.Loopback(host) != want {
			t.Errorf("%q: want %v", host, want)
		}
	}
}
