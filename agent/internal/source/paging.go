package source

import (
	"context"

	"github.com/rollcall-agent/rollcall/agent/internal/endpoint"
	"github.com/rollcall-agent/rollcall/host"
)

// paging evaluates what the configuration says about pages, for the host.
type paging struct{ of *endpoint.Paging }

var _ host.Paging = paging{}

// pagingOf returns what the host asks about pages; nil when there is nothing to
// ask.
func pagingOf(p *endpoint.Paging) host.Paging {
	if p == nil {
		return nil
	}
	return paging{p}
}

// Body returns the body of the request for a page.
func (p paging) Body(_ context.Context, position string, number int64) (string, error) {
	return p.of.Body(position, number)
}

// Until reports whether a page is the last.
func (p paging) Until(_ context.Context, page host.Page) (bool, error) {
	return p.of.Until(endpoint.Answered{Number: page.Number, Records: page.Records, Total: page.Total, At: page.At})
}
