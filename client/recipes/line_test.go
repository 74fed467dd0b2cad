package recipes

import "testing"

// Names of both kinds, and numbers on both sides of 2^31, are in the order of asking.
func TestStanding(t *testing.T) {
	names := []string{
		"_c_0d5d4f6e-1111-4222-8333-444455556666-lock--2147483648",
		"_c_7f0b8b1c-1111-4222-8333-444455556666-lock-2147483646",
		"7f0b8b1c1111422283334444555566aa__lock__2147483647",
		"7f0b8b1c1111422283334444555566bb__lock__-2147483647",
		"lock", "lock-12", "_c_x-lease-0000000001", "", "-lock-00000000zz", "READ",
	}
	line := standing(names, lockPlace)
	want := []int32{2147483646, 2147483647, -2147483648, -2147483647}
	if len(line) != len(want) {
		t.Fatal(line)
	}
	for i, w := range line {
		if w.number != want[i] {
			t.Errorf("place %d: %v, want %d", i, w, want[i])
		}
	}
}
