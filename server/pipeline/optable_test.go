package pipeline

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

// wireOpCodes reads the names of the opcodes that package wire defines.
func wireOpCodes(t *testing.T) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "../../wire/opcodes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			if id, ok := v.Type.(*ast.Ident); ok && id.Name == "OpCode" {
				names = append(names, v.Names[0].Name)
			}
		}
		return true
	})
	return names
}

func TestEveryOpHasARow(t *testing.T) {
	names := wireOpCodes(t)
	if len(names) != len(ops) {
		t.Errorf("package wire has %d opcodes, the table %d rows", len(names), len(ops))
	}
	rows := map[wire.OpCode]bool{}
	for i := range ops {
		op := ops[i].Op
		if rows[op] {
			t.Errorf("%v has two rows", op)
		}
		rows[op] = true
		if strings.HasPrefix(op.String(), "op(") {
			t.Errorf("row %d is of no operation", i)
		}
		if Info(op) != &ops[i] {
			t.Errorf("Info(%v) is another row", op)
		}
	}
}

func TestUnknownOpsAreRefused(t *testing.T) {
	for op := wire.OpCode(-300); op < 2000; op++ {
		known := slices.ContainsFunc(ops[:], func(i OpInfo) bool { return i.Op == op })
		if info := Info(op); !known && (info != &unknownOp || info.Class != ClassRefused) {
			t.Errorf("op %d has a row", op)
		}
	}
	for _, op := range []wire.OpCode{0, 10, 13, 55, -1, 1000, -10, 20, 1<<31 - 1, -1 << 31} {
		if _, code := DecodeRequest(op, nil); code != wire.Unimplemented {
			t.Errorf("op %d: %v", op, code)
		}
	}
}

// The names that cons prints, as ZooKeeper's servers print them.
func TestLastOpNames(t *testing.T) {
	want := strings.Fields("SESS PING CREA DELE EXIS GETD SETD GETA SETA GETC GETACN GETE SYNC MULT MLTR SETW STW2 ADDW CHKW REMW CHEC RECO HOMI CLOS NA")
	var got []string
	for i := range ops {
		if !slices.Contains(got, ops[i].LastOp) {
			got = append(got, ops[i].LastOp)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for op, want := range map[wire.OpCode]string{wire.OpCreateTTL: "CREA", wire.OpGetChildren2: "GETC", wire.OpDeleteContainer: "DELE", wire.OpAuth: "NA"} {
		if got := Info(op).LastOp; got != want {
			t.Errorf("%v is %s, want %s", op, got, want)
		}
	}
}

// What a server without a quorum refuses.
func TestReadOnlyServer(t *testing.T) {
	refused := []wire.OpCode{
		wire.OpSync, wire.OpCreate, wire.OpCreate2, wire.OpCreateTTL, wire.OpCreateContainer, wire.OpDelete,
		wire.OpSetData, wire.OpSetACL, wire.OpMulti, wire.OpReconfig,
	}
	for i := range ops {
		op := ops[i].Op
		if ops[i].Class == ClassRefused {
			continue
		}
		if want := !slices.Contains(refused, op); ops[i].ReadOnly != want {
			t.Errorf("%v: allowed %v, want %v", op, ops[i].ReadOnly, want)
		}
	}
}

func TestClasses(t *testing.T) {
	want := map[Class]string{
		ClassRefused: "notification check deleteContainer error createSession",
		ClassRead: "exists getData getACL getChildren getChildren2 checkWatches removeWatches multiRead setWatches getEphemerals " +
			"getAllChildrenNumber setWatches2 addWatch whoAmI",
		ClassWrite: "create delete setData setACL sync multi create2 reconfig createContainer createTTL closeSession",
		ClassPing:  "ping",
		ClassAuth:  "auth sasl",
	}
	got := map[Class][]string{}
	for i := range ops {
		got[ops[i].Class] = append(got[ops[i].Class], ops[i].Op.String())
	}
	for class, names := range want {
		if g := strings.Join(got[class], " "); g != names {
			t.Errorf("class %d: %s, want %s", class, g, names)
		}
	}
}

func TestInfoDoesNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Info(wire.OpGetData); Info(wire.OpCloseSession); Info(12345) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
