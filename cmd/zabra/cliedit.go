package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// editFile runs the user's editor at the terminal.
func editFile(file string) error {
	words := editor()
	cmd := exec.Command(words[0], append(words[1:], file)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

// editor is the words of the command that edits a file.
func editor() []string {
	for _, name := range []string{"VISUAL", "EDITOR"} {
		if words := strings.Fields(os.Getenv(name)); len(words) > 0 {
			return words
		}
	}
	return []string{"vi"}
}

// ask has the person at the terminal answer a question.
func ask(question string) (string, error) {
	fmt.Fprint(os.Stderr, question)
	return bufio.NewReader(os.Stdin).ReadString('\n')
}
