// Package recipes has programs for common tasks. Each is an example of its own,
// which the tests run. docs/recipes.md lists them.
package recipes
