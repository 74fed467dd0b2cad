package cli

import (
	"context"
	"slices"
	"strings"
)

// complete returns what may follow a line, and the word that it completes.
func (s *Shell) complete(ctx context.Context, line string) (ends []string, typed string) {
	at := strings.LastIndexAny(line, " \t") + 1
	before, typed := strings.TrimSpace(line[:at]), line[at:]
	typed = strings.TrimLeft(typed, `"'`)
	var all []string
	switch {
	case before == "":
		all = Names()
	case strings.HasPrefix(typed, "/"):
		return s.completePath(ctx, typed), typed
	case strings.HasPrefix(typed, "-"):
		all = optionNames(before)
	case before == "help":
		all = Names()
	}
	return endings(all, typed, " "), typed
}

// endings are what is left of those that begin with typed.
func endings(all []string, typed, behind string) []string {
	var ends []string
	for _, one := range all {
		if rest, ok := strings.CutPrefix(one, typed); ok {
			ends = append(ends, rest+behind)
		}
	}
	return ends
}

func optionNames(line string) []string {
	cmd := find(words(line)[0])
	if cmd == nil {
		return nil
	}
	names := []string{"--" + jsonOption}
	for _, o := range cmd.options {
		names = append(names, "-"+o.name)
	}
	return names
}

// completePath looks for the children whose names begin as the last one typed.
func (s *Shell) completePath(ctx context.Context, typed string) []string {
	if s.svc == nil {
		return nil
	}
	slash := strings.LastIndexByte(typed, '/')
	names, _, err := s.svc.Children(ctx, typed[:max(slash, 1)])
	if err != nil {
		return nil // there is nothing to say about it in the middle of a line
	}
	slices.Sort(names)
	return endings(names, typed[slash+1:], "")
}
