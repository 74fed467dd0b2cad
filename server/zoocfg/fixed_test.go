package zoocfg

import "testing"

func TestFixedKeys(t *testing.T) {
	n := 0
	for _, k := range keys.rows {
		if k.Effect != Fixed {
			continue
		}
		n++
		if _, warnings, err := Parse("zoo.cfg", []byte(minimal+k.Name+"="+k.Default+"\n")); err != nil || len(warnings) != 0 {
			t.Errorf("%s=%s: %v, warnings %v; it is what holds", k.Name, k.Default, err, warnings)
		}
		other, ok := map[Kind]string{Bool: "true", YesNo: "no", Int: "7", Hours: "24"}[k.Kind]
		if !ok {
			continue
		}
		if k.Default == other {
			other = "false"
		}
		c, warnings, err := Parse("zoo.cfg", []byte(minimal+k.Name+"="+other+"\n"))
		if err != nil || len(warnings) != 1 || warnings[0].Kind != NoEffect || warnings[0].Origin.Line != 3 {
			t.Errorf("%s=%s: %v, warnings %v; want one", k.Name, other, err, warnings)
			continue
		}
		for _, s := range c.Settings() {
			if s.Key == k.Name {
				t.Errorf("%s=%s counts as in effect", k.Name, other)
			}
		}
	}
	if n < 5 {
		t.Errorf("%d fixed keys", n)
	}
}
