package metrics

import (
	"encoding/json"
	"math"
	"testing"
)

func TestFormatDoubleIsJavas(t *testing.T) {
	for _, tc := range []struct {
		in   float64
		want string
	}{
		{0, "0.0"},
		{math.Copysign(0, -1), "-0.0"},
		{1, "1.0"},
		{0.5259, "0.5259"},
		{-12.25, "-12.25"},
		{0.001, "0.001"},
		{0.0009, "9.0E-4"},
		{0.00012345, "1.2345E-4"},
		{9999999, "9999999.0"},
		{1e7, "1.0E7"},
		{12345678.5, "1.23456785E7"},
		{-1e300, "-1.0E300"},
		{math.Inf(1), "Infinity"},
		{math.Inf(-1), "-Infinity"},
		{math.NaN(), "NaN"},
	} {
		if got := FormatDouble(tc.in); got != tc.want {
			t.Errorf("FormatDouble(%g) = %s, want %s", tc.in, got, tc.want)
		}
	}
}

func TestValueIsAlwaysJSON(t *testing.T) {
	for _, v := range []Value{Int(-3), Int(math.MaxInt64), Float(0), Float(1e20), Float(math.NaN()), Float(math.Inf(1))} {
		b := v.JSON()
		if !json.Valid([]byte(b)) {
			t.Errorf("%v is shown as %s, which is not JSON", v, b)
		}
	}
}
