package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	linkForm    = regexp.MustCompile(`\]\(([^)\s]*)\)`)
	headingForm = regexp.MustCompile(`(?m)^#+ (.+)$`)
	fenced      = regexp.MustCompile("(?ms)^```.*?^```$")
	notInAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestLinksInPagesLead follows each link of the pages to its file and heading.
func TestLinksInPagesLead(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"../*.md", "../docs/*.md", "../configs/conf.d/*.md", "../plugins/*/sim/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	seen := 0
	for _, page := range pages {
		for _, m := range linkForm.FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			seen++
			file, anchor, _ := strings.Cut(m[1], "#")
			at := page
			if file != "" {
				at = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(at); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			} else if anchor != "" && !headings(read(t, at))[anchor] {
				t.Errorf("%s links to %s: %s has no such heading", page, m[1], at)
			}
		}
	}
	if seen < 20 {
		t.Errorf("found %d links only: the pattern misses them", seen)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// headings are the anchors of a page.
func headings(page string) map[string]bool {
	all := map[string]bool{}
	for _, m := range headingForm.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		anchor := notInAnchor.ReplaceAllString(strings.ToLower(m[1]), "")
		all[strings.ReplaceAll(anchor, " ", "-")] = true
	}
	return all
}
