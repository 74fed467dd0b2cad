package cli

import (
	"fmt"
	"strings"
)

// The frame of zkCli's hex dumps.
const (
	hexTop  = "         +-------------------------------------------------+\n"
	hexHead = "         |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |\n"
	hexRule = "+--------+-------------------------------------------------+----------------+"
)

// hexText is data as zkCli's get -x prints it.
func hexText(data []byte) string {
	if len(data) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(hexTop + hexHead + hexRule + "\n")
	for at := 0; at < len(data); at += 16 {
		row := data[at:min(at+16, len(data))]
		fmt.Fprintf(&b, "|%08x|", at)
		for _, c := range row {
			fmt.Fprintf(&b, " %02x", c)
		}
		b.WriteString(strings.Repeat("   ", 16-len(row)) + " |")
		for _, c := range row {
			if c <= 0x1f || c >= 0x7f {
				c = '.'
			}
			b.WriteByte(c)
		}
		b.WriteString(strings.Repeat(" ", 16-len(row)) + "|\n")
	}
	b.WriteString(hexRule)
	return b.String()
}
