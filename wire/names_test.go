package wire

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// constants returns the names of the typed constants of a file.
func constants(t *testing.T, file, typ string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, decl := range f.Decls {
		g, ok := decl.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, spec := range g.Specs {
			v := spec.(*ast.ValueSpec)
			if id, ok := v.Type.(*ast.Ident); ok && id.Name == typ {
				names = append(names, v.Names[0].Name)
			}
		}
	}
	return names
}

func TestEveryOpCodeHasItsName(t *testing.T) {
	byName := map[string]OpCode{}
	for op, name := range opNames {
		byName[name] = op
	}
	consts := constants(t, "opcodes.go", "OpCode")
	if len(consts) != len(opNames) || len(byName) != len(opNames) {
		t.Errorf("%d opcodes, %d names, %d different", len(consts), len(opNames), len(byName))
	}
	for _, c := range consts {
		name := strings.TrimPrefix(c, "Op")
		if _, ok := byName[strings.ToLower(name[:1])+name[1:]]; !ok && name != "SASL" {
			t.Errorf("%s has no name", c)
		}
	}
	if got := OpCode(55).String(); got != "op(55)" {
		t.Errorf("unknown opcode prints as %s", got)
	}
	if got := OpCreateTTL.String(); got != "createTTL" {
		t.Errorf("createTTL prints as %s", got)
	}
}

func TestEveryCodeHasItsText(t *testing.T) {
	if consts := constants(t, "errors.go", "Code"); len(consts) != len(codeText) {
		t.Errorf("%d codes, %d texts", len(consts), len(codeText))
	}
	for code, want := range map[Code]string{
		OK: "ok", NotEmpty: "Directory not empty", NoNode: "NoNode", ReconfigDisabled: "Reconfig is disabled",
		-12: "Unknown error -12",
	} {
		if got := code.Error(); got != want {
			t.Errorf("code %d reads %q, want %q", int32(code), got, want)
		}
	}
}

func TestEveryEventHasItsName(t *testing.T) {
	if consts := constants(t, "opcodes.go", "EventType"); len(consts) != len(eventNames) {
		t.Errorf("%d events, %d names", len(consts), len(eventNames))
	}
	if got := EventNodeChildrenChanged.String(); got != "NodeChildrenChanged" {
		t.Errorf("event prints as %s", got)
	}
	if got := EventType(9).String(); got != "event(9)" {
		t.Errorf("unknown event prints as %s", got)
	}
}

func TestCreateModes(t *testing.T) {
	type kind struct{ valid, ephemeral, sequential, ttl bool }
	for mode, want := range map[CreateMode]kind{
		-1:                          {},
		ModePersistent:              {valid: true},
		ModeEphemeral:               {valid: true, ephemeral: true},
		ModePersistentSequential:    {valid: true, sequential: true},
		ModeEphemeralSequential:     {valid: true, ephemeral: true, sequential: true},
		ModeContainer:               {valid: true},
		ModePersistentTTL:           {valid: true, ttl: true},
		ModePersistentSequentialTTL: {valid: true, ttl: true, sequential: true},
		7:                           {},
	} {
		if got := (kind{mode.Valid(), mode.Ephemeral(), mode.Sequential(), mode.TTL()}); got != want {
			t.Errorf("mode %d: %+v, want %+v", mode, got, want)
		}
	}
}

func TestOwnerMarkers(t *testing.T) {
	container, ttl := ContainerOwner, TTLOwner
	if uint64(container) != 1<<63 || uint64(ttl) != 0xff<<56 {
		t.Errorf("markers %x %x", uint64(container), uint64(ttl))
	}
	if longest := ttl | MaxTTL; uint64(longest) != 0xff0000ffffffffff {
		t.Errorf("longest TTL is stored as %x", uint64(longest))
	}
}
