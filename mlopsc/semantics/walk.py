"""The names that an expression mentions, found without recursion."""

from __future__ import annotations

from collections.abc import Iterator

from mlopsc.syntax import ast


def children(node: ast.Node) -> list[ast.Node]:
    """The nodes directly below a node of an expression, in order; names of functions and arguments are not among them."""
    match node:
        case ast.Binary():
            return [node.left, node.right]
        case ast.Call():
            return [arg.value for arg in node.args]
        case ast.ListExpr():
            return list(node.items)
        case ast.Unary() | ast.IsNull():
            return [node.operand]
        case ast.If():
            return [node.condition, node.then, node.otherwise]
        case ast.In():
            return [node.item, node.container]
        case ast.Range():
            return [node.lo, node.hi]
        case ast.Piped():
            return [node.expr]
    return []


def nodes(root: ast.Node) -> Iterator[ast.Node]:
    """Every node of an expression, a parent before its children, left to right."""
    todo = [root]
    while todo:
        node = todo.pop()
        yield node
        todo += reversed(children(node))


def names(root: ast.Node) -> Iterator[ast.Name]:
    """Every bare name of an expression."""
    return (node for node in nodes(root) if isinstance(node, ast.Name))
