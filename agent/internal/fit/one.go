package fit

import (
	"fmt"
	"strconv"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/endpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// setOne compiles the request for a single record: the configuration's, or that
// of the manifest as long as the endpoint delivers what the manifest says.
func setOne(out *endpoint.Endpoint, known abi.Endpoint, change config.Endpoint, scope expr.Scope) error {
	var err error
	switch own := change.One; {
	case own != nil:
		texts := endpoint.OneTexts{Path: own.Path, URL: own.URL, Params: own.Params}
		one := abi.One{Records: own.Records, Record: own.Record, Cost: 1}
		if own.Cost != nil {
			one.Cost = int64(*own.Cost)
		}
		out.One, err = endpoint.CompileOne(one, texts, scope)
	case known.One == nil:
		out.NoOne = "neither its connector nor the configuration says how to ask for a single record (one of the endpoint)"
	default:
		if out.NoOne = elsewhere(known, change); out.NoOne == "" {
			out.One, err = endpoint.CompileOne(*known.One, endpoint.TextsOf(*known.One), scope)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: endpoint %s: %w", change.Pos, out.Name, err)
	}
	return nil
}

// elsewhere says what the configuration changes about the records of an endpoint;
// "" when that is nothing. A single record could then be one that the endpoint
// itself leaves out: its account would be made now, and its key be missing in
// the next whole run.
func elsewhere(known abi.Endpoint, change config.Endpoint) string {
	const format = "the configuration changes %s of the endpoint, so that the connector's request for a single record " +
		"may deliver what the endpoint does not: set one there too"
	switch {
	case change.Path != nil && change.Path.Text != known.Path, change.URL != nil && change.URL.Text != known.URL:
		return fmt.Sprintf(format, "the address")
	case change.Method != nil && string(*change.Method) != methodOf(known.Method), change.Body != nil && change.Body.Text != known.Body:
		return fmt.Sprintf(format, "method or body")
	case change.Key != nil && *change.Key != known.Key:
		return fmt.Sprintf(format, "the key")
	case change.Records != nil && *change.Records != known.Records, change.Record != nil && *change.Record != known.Record:
		return fmt.Sprintf(format, "the place of the records")
	}
	for name, text := range change.Params {
		if text.Text != known.Params[name] && !pageSize(known.Params[name], text.Text) && name != known.Repeat.LimitParam {
			return fmt.Sprintf(format, "the parameter "+name)
		}
	}
	return ""
}

// pageSize reports whether a parameter is a number in place of a number: how
// many records a page has, and not which.
func pageSize(known, text string) bool {
	_, was := strconv.Atoi(known)
	_, is := strconv.Atoi(text)
	return was == nil && is == nil
}
