package metrics

import (
	"math"
	"strconv"
	"strings"
)

// A Value is a number as ZooKeeper shows it: whole, or with a decimal point.
type Value struct {
	i     int64
	f     float64
	float bool
}

// Int is a whole number.
func Int(i int64) Value { return Value{i: i} }

// Float is a number that is always shown with a decimal point.
func Float(f float64) Value { return Value{f: f, float: true} }

// String is the number as mntr prints it: 7, 0.0, 12.5.
func (v Value) String() string {
	if v.float {
		return FormatDouble(v.f)
	}
	return strconv.FormatInt(v.i, 10)
}

// JSON is the number as String prints it, and null for NaN and the infinities,
// for which JSON has no number.
func (v Value) JSON() string {
	if v.float && (math.IsNaN(v.f) || math.IsInf(v.f, 0)) {
		return "null"
	}
	return v.String()
}

// FormatDouble prints a double as Java does, which is what ZooKeeper's readers
// parse: at least one digit after the point, and an exponent from 10^7 and below
// 10^-3: 0.0, 0.5259, 1.0E7.
func FormatDouble(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	if a := math.Abs(f); a == 0 || a >= 1e-3 && a < 1e7 {
		return withPoint(strconv.FormatFloat(f, 'f', -1, 64))
	}
	mantissa, exp, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	n, _ := strconv.Atoi(exp)
	return withPoint(mantissa) + "E" + strconv.Itoa(n)
}

func withPoint(s string) string {
	if strings.Contains(s, ".") {
		return s
	}
	return s + ".0"
}

// roundInt rounds half away from zero.
func roundInt(f float64) int64 { return int64(math.Round(f)) }
