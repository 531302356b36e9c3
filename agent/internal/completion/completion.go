// Package completion finds the names that may stand at a place of a command
// line, for a shell that completes it: automations and applications from the
// configuration, and runs, links and secrets from the state. It reads both
// from disk and asks no agent; names that take too long are left out.
package completion

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// within is how long a completion may take: somebody waits at the keyboard,
// and no names are better than late ones.
const within = 500 * time.Millisecond

// Word is a word that may stand at a place, with a description.
type Word struct{ Text, About string }

// Query says what has been typed so far.
type Query struct {
	Config string   // path of the configuration file
	Args   []string // the arguments before the word
	Typed  string   // the part of the word typed so far
}

// Place yields the names that may stand at one place.
type Place func(*lookup) []store.Named

// lookup is the source of names: the configuration and the state as they are
// on disk.
type lookup struct {
	Query
	config.Outline
	ctx context.Context //nolint:containedctx // it lives for one completion only
}

// Words returns the words for a place, as far as they are found in time. On
// any error it returns none: the shell is drawing its prompt and cannot show
// errors.
func Words(ctx context.Context, q Query, place Place) []Word {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	found := make(chan []store.Named, 1)
	go func() {
		defer func() {
			if recover() != nil {
				found <- nil
			}
		}()
		found <- place(&lookup{Query: q, Outline: config.ReadOutline(q.Config), ctx: ctx})
	}()
	select {
	case list := <-found:
		return offered(list, q.Typed)
	case <-ctx.Done():
		return nil
	}
}

// offered returns the names that begin with what was typed. Keys and names of
// people come from outside, and the shell inserts them into its line, so only
// names that need no quoting are offered.
func offered(list []store.Named, typed string) []Word {
	var out []Word
	for _, n := range list {
		if !strings.HasPrefix(n.Name, typed) || !plainWord(n.Name) {
			continue
		}
		about := strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune(" .,-'", r) {
				return r
			}
			return -1
		}, n.About)
		out = append(out, Word{n.Name, strings.TrimSpace(about)})
	}
	return out
}

// plainWord reports whether a shell takes a text as one word, without quotes.
func plainWord(s string) bool {
	return s != "" && s[0] != '-' && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._+/@-", r)
	})
}
