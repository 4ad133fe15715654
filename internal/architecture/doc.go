// Package architecture contains tests that read the source of the whole
// repository. They check which packages a package imports, which packages only
// tests import, that no test sleeps, and the texts of errors and logs.
//
// testdata/texts.txt lists these texts. If you change one, read it as a user
// who does not know the code: it names what is wrong and how to mend it. Then
// run go test ./internal/architecture -run TestTexts -update.
//
// A new package needs a rule in imports_test.go. Choose the shortest list of
// imports that is sufficient. Give the reason why other imports are not
// allowed: the test prints it if an import breaks the rule.
package architecture
