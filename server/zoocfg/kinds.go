package zoocfg

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Kind is the form of a value. It decides how text becomes a Go value, what an
// error says would be right, and what the documentation calls it.
type Kind int

// The kinds of values.
const (
	Text    Kind = iota // any text
	Hidden              // a Secret: any text, never shown
	Bool                // true or false, in any case
	YesNo               // yes or no, in any case
	Int                 // a whole number
	Float               // a decimal number
	Port                // 0 to 65535
	Millis              // milliseconds
	Seconds             // seconds
	Hours               // hours
	Bytes               // bytes
	KB                  // units of 1024 bytes
	Hex                 // a hexadecimal number
	List                // texts separated by commas
	Choice              // one of Key.Choices, in any case
)

// String names the kind as the documentation does.
func (k Kind) String() string {
	names := [...]string{
		"text", "secret", "true/false", "yes/no", "number", "decimal", "port", "ms", "s", "h",
		"bytes", "KB", "hex", "list", "choice",
	}
	return names[k]
}

// unit is what one count of the kind is, in the unit of its Go value.
func (k Kind) unit() int64 {
	switch k {
	case Millis:
		return int64(time.Millisecond)
	case Seconds:
		return int64(time.Second)
	case Hours:
		return int64(time.Hour)
	case KB:
		return 1024
	default:
		return 1
	}
}

// discard returns a field for a value that only has to be well-formed.
func (k Kind) discard() any {
	switch k {
	case Bool, YesNo:
		return new(bool)
	case Choice, Text:
		return new(string)
	case Millis, Seconds, Hours:
		return new(time.Duration)
	default:
		return new(int64)
	}
}

// isDefault reports whether a well-formed text has the value of the default.
func (k *Key) isDefault(text string) bool {
	have, want := k.Kind.discard(), k.Kind.discard()
	return k.assign(have, text) == "" && k.assign(want, k.Default) == "" && reflect.DeepEqual(have, want)
}

// assign stores the value of text in the field, a pointer of the type that the
// key's kind needs. It returns what would be right if text is malformed or out
// of bounds, and then leaves the field as it was.
func (k *Key) assign(field any, text string) (want string) {
	switch field := field.(type) {
	case *string:
		return k.assignText(field, text)
	case *Secret:
		*field = Secret(text)
	case *[]string:
		*field = splitList(text)
	case *superUser:
		field.add(text)
	case *bool:
		return k.assignBool(field, text)
	case *float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return k.want()
		}
		*field = f
	case *uint64:
		n, err := strconv.ParseUint(text, 16, 63)
		if err != nil {
			return k.want()
		}
		*field = n
	default:
		return k.assignWhole(field, text)
	}
	return ""
}

func (k *Key) assignText(field *string, text string) (want string) {
	if k.Kind != Choice {
		*field = text
		return ""
	}
	if text == "" {
		text = k.Default // as ZooKeeper does for ssl.clientAuth and the store types
	}
	for _, choice := range k.Choices {
		if strings.EqualFold(choice, text) {
			*field = choice
			return ""
		}
	}
	return k.want()
}

func (k *Key) assignBool(field *bool, text string) (want string) {
	yes, no := "true", "false"
	if k.Kind == YesNo {
		yes, no = "yes", "no"
	}
	switch {
	case strings.EqualFold(text, yes):
		*field = true
	case strings.EqualFold(text, no):
		*field = false
	default:
		return k.want()
	}
	return ""
}

func (k *Key) assignWhole(field any, text string) (want string) {
	n, ok := k.parseWhole(text)
	if !ok || n < k.Min || n > k.max() {
		return k.want()
	}
	switch field := field.(type) {
	case *int:
		*field = int(n * k.Kind.unit())
	case *int64:
		*field = n * k.Kind.unit()
	case *time.Duration:
		*field = time.Duration(n * k.Kind.unit())
	default:
		panic(fmt.Sprintf("zoocfg: key %s has a field of type %T", k.Name, field))
	}
	return ""
}

// parseWhole reads a decimal number. ZooKeeper's guide gives sizes in
// hexadecimal too (0xfffff), and its code accepts them.
func (k *Key) parseWhole(text string) (int64, bool) {
	digits, base := text, 10
	if hex, ok := strings.CutPrefix(strings.ToLower(text), "0x"); ok && k.Kind == Bytes {
		digits, base = hex, 16
	}
	n, err := strconv.ParseInt(digits, base, 64)
	return n, err == nil
}

// max is the largest count: ZooKeeper's integers are Java ints, unless the table
// says otherwise.
func (k *Key) max() int64 {
	switch {
	case k.Max != 0:
		return k.Max
	case k.Kind == Port:
		return math.MaxUint16
	case k.Kind == Hours:
		return 1 << 20 // a century; more would not fit a Duration
	default:
		return math.MaxInt32
	}
}

// want says what a value of the key looks like.
func (k *Key) want() string {
	switch k.Kind {
	case Bool:
		return "true or false"
	case YesNo:
		return "yes or no"
	case Float:
		return "a decimal number"
	case Hex:
		return "a hexadecimal number"
	case Choice:
		return "one of " + strings.Join(nonEmpty(k.Choices), ", ")
	case Millis, Seconds, Hours, Bytes, KB:
		return fmt.Sprintf("a whole number of %s from %d to %d", k.unitName(), k.Min, k.max())
	default:
		if k.Min == k.max() {
			return strconv.FormatInt(k.Min, 10)
		}
		return fmt.Sprintf("a whole number from %d to %d", k.Min, k.max())
	}
}

func (k *Key) unitName() string {
	switch k.Kind {
	case Millis:
		return "milliseconds"
	case Seconds:
		return "seconds"
	case Hours:
		return "hours"
	default:
		return k.Kind.String()
	}
}

func nonEmpty(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == "" })
}

// splitList cuts at commas, trims, and drops empty elements.
func splitList(text string) []string {
	var list []string
	for _, element := range strings.Split(text, ",") {
		if element = strings.TrimSpace(element); element != "" {
			list = append(list, element)
		}
	}
	return list
}
