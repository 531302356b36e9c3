package main

import (
	"database/sql"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// scriptChanged is `changed STATE_DIR NAME KINDS [UNSURE]`: the mirror has seen that
// something happened to a user below OU=Staff,DC=example,DC=com. Kinds are joined by
// commas.
func scriptChanged(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: changed state_dir name kinds [unsure]")
	}
	db, err := sql.Open("sqlite", filepath.Join(ts.MkAbs(args[0]), store.FileName)+"?_pragma=busy_timeout(20000)")
	ts.Check(err)
	defer func() { _ = db.Close() }()
	var list []ident.EventPart
	for _, kind := range strings.Split(args[2], ",") {
		list = append(list, ident.EventPart{Kind: ident.EventKind(kind)})
	}
	parts, err := ident.EncodeParts(list)
	ts.Check(err)
	dn, unsure := "CN="+args[1]+",OU=Staff,DC=example,DC=com", ""
	if len(args) == 4 {
		unsure = args[3]
	}
	_, err = db.Exec(`INSERT INTO events (at, object, guid, dn, from_dn, name, group_guid, group_dn, group_name, parts_json, image_json, unsure, open)
		VALUES (?, 'user', ?, ?, ?, ?, '', '', '', ?, '{}', ?, 1)`, time.Now().UnixNano(), "guid-"+args[1], dn, dn, args[1], parts, unsure)
	ts.Check(err)
}
