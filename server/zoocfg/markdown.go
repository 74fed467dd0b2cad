package zoocfg

import (
	"fmt"
	"strings"
)

// Markdown returns the tables of docs/configuration.md: one for each section,
// one row for each key.
func Markdown() string {
	var b strings.Builder
	for _, section := range sections() {
		fmt.Fprintf(&b, "### %s\n\n", section)
		if section == ineffectiveSection {
			b.WriteString("| key | why it does nothing here |\n|---|---|\n")
		} else {
			b.WriteString("| key | environment variable | value | default | meaning |\n|---|---|---|---|---|\n")
		}
		for _, k := range keys.rows {
			if k.Section == section {
				b.WriteString(k.markdownRow())
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// sections returns the sections in the order of their first rows.
func sections() []string {
	var names []string
	seen := map[string]bool{}
	for _, k := range keys.rows {
		if !seen[k.Section] {
			seen[k.Section] = true
			names = append(names, k.Section)
		}
	}
	return names
}

func (k *Key) markdownRow() string {
	name := "`" + k.docName() + "`"
	for _, alias := range k.Aliases {
		name += " or `" + alias + "`"
	}
	if k.Section == ineffectiveSection {
		return fmt.Sprintf("| %s | %s |\n", name, k.Help)
	}
	env := "`" + EnvName(k.docName()) + "`"
	if k.FileOnly {
		env = "none: only in the file"
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s |\n", name, env, k.docValue(), k.docDefault(), k.Help)
}

// docName writes a family as server.N or authProvider.X.
func (k *Key) docName() string {
	switch {
	case isMembership(k):
		return k.Name + "N"
	case k.Section == ineffectiveSection && k.family():
		return k.Name + "*"
	case k.family():
		return k.Name + "X"
	default:
		return k.Name
	}
}

func (k *Key) docValue() string {
	if k.Kind == Choice {
		return strings.Join(nonEmpty(k.Choices), ", ")
	}
	text := k.Kind.String()
	if k.field != nil && k.Min != 0 {
		text += fmt.Sprintf(" ≥ %d", k.Min)
	}
	return text
}

func (k *Key) docDefault() string {
	if k.DefaultNote != "" {
		return k.DefaultNote
	}
	return k.Default
}
