package check

import (
	"context"
	"errors"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// changes checks what the account needs in order to see changes in the directory at
// once, if an automation asks for them.
func (c *directoryCheck) changes(ctx context.Context, triggered map[string]config.Automation) {
	asked := false
	for _, conf := range triggered {
		asked = asked || conf.Trigger == config.TriggerDirectory
	}
	if !asked {
		return
	}
	if q, ok := c.dirSync(ctx); ok {
		c.deleted(ctx, q)
	}
}

// dirSync asks for changes as the agent does, and returns the question that is
// answered. The domain controller looks at the right first.
func (c *directoryCheck) dirSync(ctx context.Context) (q conn.SyncQuery, ok bool) {
	const right = "read changes (DirSync)"
	q = conn.SyncQuery{Base: c.client.Server().NamingContext, Filter: "(isDeleted=TRUE)", Attributes: []string{"objectClass"}}
	_, err := c.client.DirSync(ctx, q)
	if err == nil {
		c.add("changes", right, abi.RightGranted, "%s has Replicating Directory Changes", c.config.BindDN)
		return q, true
	}
	if errors.Is(err, conn.ErrUnavailable) {
		c.add("changes", right, Failed, "%v", err)
		return q, false
	}
	q.ObjectSecurity = true
	if _, err := c.client.DirSync(ctx, q); err != nil {
		c.add("changes", right, abi.RightLacking, "every read is of the whole directory, once a minute or rarer (%v); "+
			"next: grant %s Replicating Directory Changes on %s", err, c.config.BindDN, q.Base)
		return q, false
	}
	c.add("changes", right, abi.RightUnknown, "changes are seen with the account's own rights: what it may not read is no event; "+
		"next: grant %s Replicating Directory Changes on %s", c.config.BindDN, q.Base)
	return q, true
}

// mostPages bounds the search for a deleted object.
const mostPages = 100

// deleted checks whether the account is shown deletions. If so, it is shown at least
// the container of deleted objects, which is marked as deleted itself.
func (c *directoryCheck) deleted(ctx context.Context, q conn.SyncQuery) {
	const right = "see deletions"
	for range mostPages {
		page, err := c.client.DirSync(ctx, q)
		if err != nil {
			c.add("changes", right, Failed, "%v", err)
			return
		}
		if slices.ContainsFunc(page.Entries, func(e conn.SyncEntry) bool { return e.Deleted }) {
			c.add("changes", right, abi.RightGranted, "%s is shown them", c.config.BindDN)
			return
		}
		if q.Cookie = page.Cookie; !page.More {
			c.add("changes", right, abi.RightLacking, "deletions are found late, by comparing all objects, and it is not certain that what is "+
				"missing was deleted; next: let %s list and read CN=Deleted Objects,%s", c.config.BindDN, q.Base)
			return
		}
	}
	c.add("changes", right, abi.RightUnknown,
		"there are too many objects to see at once; the log of the agent says it when it lacks this right")
}
